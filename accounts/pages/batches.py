"""One's own batches: how far each is, its results, and its end before its time. Another person's are not there."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts import batches, files
from accounts.batches import Status
from accounts.pages.people import person, signed_in
from accounts.sealing import Unsealable

_SHOWN = 50
WORDS = {
    Status.VALIDATING: gettext_lazy("being checked"),
    Status.IN_PROGRESS: gettext_lazy("running"),
    Status.FINALIZING: gettext_lazy("being put together"),
    Status.CANCELLING: gettext_lazy("being cancelled"),
    Status.COMPLETED: gettext_lazy("completed"),
    Status.FAILED: gettext_lazy("failed"),
    Status.EXPIRED: gettext_lazy("expired"),
    Status.CANCELLED: gettext_lazy("cancelled"),
}
"""The statuses as people read them."""
_TONES = {Status.COMPLETED: "good", Status.FAILED: "bad", Status.EXPIRED: "bad", Status.CANCELLED: "warn"}
_STOPPABLE = (Status.VALIDATING, Status.IN_PROGRESS)


@require_safe
@signed_in
def listed(request: HttpRequest) -> HttpResponse:
    """The newest ones."""
    mine = list(batches.of_user(person(request).pk)[:_SHOWN])
    kept = set(files.of_user(person(request).pk).filter(purpose="batch_output").values_list("pk", flat=True))
    rows = [
        {
            "batch": batch,
            "status": WORDS[Status(batch.status)],
            "tone": _TONES.get(Status(batch.status), ""),
            "stoppable": batch.status in _STOPPABLE,
            "output": batch.output_file in kept,
            "errors": batch.error_file in kept,
            "wrong": batch.errors[:3],
        }
        for batch in mine
    ]
    return render(
        request, "batches/list.html", {"rows": rows, "going": any(b.status not in batches.ENDED for b in mine)}
    )


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def cancel(request: HttpRequest, batch_id: str) -> HttpResponse:
    """Ask first: what was not answered by then will not be."""
    batch = get_object_or_404(batches.of_user(person(request).pk), pk=batch_id)
    if request.method == "POST":
        try:
            batches.cancel(person(request).pk, batch.pk)
        except batches.CannotCancel:
            messages.warning(request, _("The batch has ended, or is about to."))
        else:
            messages.success(request, _("The batch is being cancelled. What was answered is kept."))
        return redirect("batches")
    known = {
        "question": _("Cancel this batch?"),
        "loss": _(
            "Of %(id)s %(done)d of %(total)d requests are answered, which is kept. The others will get no answer."
        )
        % {"id": batch.pk, "done": batch.done, "total": batch.total},
        "act": _("Cancel the batch"),
        "stay": _("Let it run"),
        "back": reverse("batches"),
    }
    return render(request, "pages/confirm.html", known)


@require_safe
@signed_in
def results(request: HttpRequest, batch_id: str, kind: str) -> HttpResponseBase:
    """The file of answers, or of errors, a part in memory at a time."""
    batch = get_object_or_404(batches.of_user(person(request).pk), pk=batch_id)
    file_id = {"output": batch.output_file, "errors": batch.error_file}.get(kind, "")
    file = files.find(batch.user_id, file_id)
    if file is None:
        raise Http404
    try:
        files.require_readable(file)
    except Unsealable:
        messages.warning(
            request, _("The file cannot be read any more: the encryption key that it was kept under is gone.")
        )
        return redirect("batches")
    headers = {
        "Content-Disposition": f'attachment; filename="{batch.pk}_{kind}.jsonl"',
        "Content-Length": str(file.bytes),
    }
    return StreamingHttpResponse(files.read(file), content_type="application/jsonl", headers=headers)
