"""What the admin pages of both apps stand on: secret columns, actions that are counted and confirmed, read-only pages."""

from collections.abc import Callable, Collection, Sequence
from functools import wraps
from typing import Any, ClassVar, TypeVar

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts import audit
from accounts.admin import skin
from accounts.models import User

M = TypeVar("M", bound=Model)
F = TypeVar("F", bound=Form)

_SHOWN_BEFORE_CONFIRMING = 20


class ModelAdmin(skin.ModelAdmin[M]):
    """A model's pages. Columns named in `secret_fields` can be neither filtered nor searched by."""

    secret_fields: ClassVar[tuple[str, ...]] = ()
    when_empty: ClassVar[str]
    """What the list says, while there is no row, about how there comes to be one."""
    list_per_page = 50

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse ?digest__startswith=…: a filter on a digest tells it letter by letter."""
        return not lookup.startswith(self.secret_fields) and super().lookup_allowed(lookup, value, request)

    def act_on(self, request: HttpRequest, rows: QuerySet[M], verb: Callable[[M], object], done: str) -> None:
        """Apply a verb that says whether it changed anything, note it in the admin's log, and report the count."""
        with transaction.atomic():
            chosen = list(rows)
            changed = [row for row in chosen if verb(row)]
            self.note(request, changed, done)
        same = len(chosen) - len(changed)
        self.message_user(request, f"{len(changed)} {done}." + (f" {same} were so already." if same else ""))

    def act_on_all(
        self, request: HttpRequest, rows: QuerySet[M], verb: Callable[[list[M]], Collection[object]], done: str
    ) -> None:
        """The same by a verb that takes thousands at once, and gives the ids of those that it changed."""
        chosen = list(rows)
        ids = verb(chosen)
        changed = [row for row in chosen if row.pk in ids]
        self.note(request, changed, done)
        same = len(chosen) - len(changed)
        self.message_user(request, f"{len(changed)} {done}." + (f" {same} were so already." if same else ""))

    # --- Every act is noted twice: in the history of its row, and in the audit log, where nothing takes it away --------

    def note(self, request: HttpRequest, rows: Sequence[Model], done: str) -> None:
        """Write an act on these rows down."""
        if rows:
            LogEntry.objects.log_actions(request.user.pk, rows, CHANGE, done.capitalize() + ".")  # type: ignore[arg-type]
            audit.record_on(staff(request), done, rows)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Django's message, and beside it what the fields were before."""
        request.changes = audit.changes_in(form, formsets)  # type: ignore[attr-defined]
        return super().construct_change_message(request, form, formsets, add)

    def log_addition(self, request: HttpRequest, obj: M, message: Any) -> Any:
        """A row was added."""
        audit.record_on(staff(request), "added", [obj], _changes(request))
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: M, message: Any) -> Any:
        """A row was changed, or its form was saved without a change, which is no act."""
        changes = _changes(request)
        if changes:
            audit.record_on(staff(request), "changed", [obj], changes)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[M]) -> Any:
        """Rows are about to be deleted."""
        audit.record_on(staff(request), "deleted", queryset)
        return super().log_deletions(request, queryset)


def staff(request: HttpRequest) -> User:
    """Who asks for a page of the admin."""
    assert isinstance(request.user, User)  # noqa: S101 (the admin lets nobody else in)
    return request.user


def _changes(request: HttpRequest) -> audit.Changes:
    return getattr(request, "changes", {})


class ReadOnlyAdmin(ModelAdmin[M]):
    """Pages that show what the site wrote: nobody adds, changes or deletes it here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody may."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Nobody may."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Nobody may."""
        return False


Action = Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponse | None]


def confirmed(question: str) -> Callable[[Action], Action]:
    """An action that asks `question` on a page of its own before it acts."""

    def decorate(act: Action) -> Action:
        @wraps(act)
        def ask_first(admin: ModelAdmin[Any], request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
            if request.POST.get("confirmed") == "yes":
                return act(admin, request, rows)
            return _confirmation(admin, request, rows, question, act.__name__)

        return ask_first

    return decorate


def asked(form_class: type[F], title: str) -> Callable[[Callable[..., HttpResponse | None]], Action]:
    """An action that asks for something by a form on a page of its own, and gets the filled-in form."""

    def decorate(act: Callable[..., HttpResponse | None]) -> Action:
        @wraps(act)
        def ask_first(admin: ModelAdmin[Any], request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
            form = form_class(request.POST if request.POST.get("confirmed") == "yes" else None)
            if form.is_bound and form.is_valid():
                return act(admin, request, rows, form)
            return _confirmation(admin, request, rows, title, act.__name__, form)

        return ask_first

    return decorate


def _confirmation(
    admin: ModelAdmin[Any],
    request: HttpRequest,
    rows: QuerySet[Any],
    question: str,
    action: str,
    form: Form | None = None,
) -> HttpResponse:
    everything = request.POST.get("select_across") == "1"
    count = rows.count()
    context = {
        **admin.admin_site.each_context(request),
        "title": question,
        "form": form,
        "subtitle": None,
        "opts": admin.opts,
        "media": admin.media,
        "shown": rows[:_SHOWN_BEFORE_CONFIRMING],
        "more": max(0, count - _SHOWN_BEFORE_CONFIRMING),
        "count": count,
        "action": action,
        "select_across": everything,
        # Every row of every page may be thousands, more than a form may carry: then the choice itself is sent again,
        # with the one row without which Django takes no action.
        "chosen": request.POST.getlist(ACTION_CHECKBOX_NAME)[: 1 if everything else None],
        "checkbox_name": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "accounts/admin/confirm_action.html", context)
