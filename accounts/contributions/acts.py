"""What the holder of a receipt may do: look, pause, resume, change caps, replace a key, withdraw it."""

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import key_events
from accounts.contributing import erase_key
from accounts.contributions.intake import take_in
from accounts.contributions.offer import Caps
from accounts.contributions.receipt import digest_of, read_code
from accounts.models import ContributedKey, Receipt, ReceiptKey
from accounts.secret import Secret


def find_receipt(code: str) -> Receipt | None:
    """The receipt of a code, however it was typed. One query, none when the code has a slip."""
    shown = read_code(code)
    return Receipt.objects.filter(digest=digest_of(shown)).first() if shown else None


def is_in_hand(line: ReceiptKey) -> bool:
    """True while its key is in the pool, or will be when it is approved: then it can be paused and capped."""
    usable = {ContributedKey.State.ACTIVE, ContributedKey.State.SUSPECTED, ContributedKey.State.WAITING}
    return line.key is not None and line.key.state in usable


def pause(line: ReceiptKey) -> bool:
    """Let nothing more be sent with the key; True if it may be paused."""
    return _pause(line, paused=True)


def resume(line: ReceiptKey) -> bool:
    """Let the key be used again; True if it may be paused and resumed."""
    return _pause(line, paused=False)


def set_caps(line: ReceiptKey, caps: Caps) -> bool:
    """Take other caps from now on; True if the key is there to be capped."""
    return _change(
        line,
        keep_share=caps.keep_share,
        allowed_models=list(caps.models),
        hours_utc=list(caps.hours),
        paid=caps.paid,
    )


def replace(line: ReceiptKey, key: Secret) -> None:
    """Erase the line's key and take another in its place, of the same project and under the same caps."""
    with transaction.atomic():
        old = line.key
        caps = caps_of(old) if old else Caps()
        project = old.project if old else ""
        if old is not None:
            erase_key(old)
        take_in(line, key, project, caps)


def withdraw(line: ReceiptKey) -> None:
    """Erase the line's key at once. What is under way with it ends normally."""
    with transaction.atomic():
        if line.key is not None:
            erase_key(line.key)
        line.key, line.last_four, line.withdrawn = None, "", timezone.now().date()
        line.save()


def caps_of(key: ContributedKey) -> Caps:
    """The caps of a key, as they are kept."""
    return Caps(key.keep_share, tuple(key.allowed_models), tuple(key.hours_utc), key.paid)


def waits_for_gemini(line: ReceiptKey) -> bool:
    """True for a key of Gemini's while the built-in simulator is the upstream: nobody asks it anything."""
    return settings.SIMULATOR and line.upstream == ContributedKey.Upstream.GEMINI


def _pause(line: ReceiptKey, *, paused: bool) -> bool:
    if line.key is None or line.key.paused == paused:
        return is_in_hand(line)
    with transaction.atomic():
        changed = _change(line, paused=paused)
        if changed:
            was, became = ("ready", "paused") if paused else ("paused", "ready")
            key_events.record(line.key.quota_domain, was, became, "by its contributor", key_id=line.key.pk)
    return changed


def _change(line: ReceiptKey, **changes: object) -> bool:
    if line.key is None or not is_in_hand(line):
        return False
    # `updated` is what tells the pools of other processes.
    changed = ContributedKey.objects.filter(pk=line.key.pk).update(**changes, updated=timezone.now())
    if changed:
        line.key.refresh_from_db()
    return bool(changed)
