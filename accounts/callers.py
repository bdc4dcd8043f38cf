"""Callers: who sends a token and what they may do, remembered for seconds so that a request asks no database.

A caller is remembered for 4 s, so a token that was revoked in another process is refused here within 5 s; in this
process `forget` makes it so at once. Nothing here holds a token: the memory is keyed by its BLAKE2b.
"""

import asyncio
import contextvars
import hashlib
import hmac
import logging
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import Enum
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary

from django.contrib.auth.hashers import make_password
from django.db import DatabaseError
from django.db.models import Model, QuerySet
from django.utils import timezone

from accounts.in_db import in_db, in_db_soon
from accounts.limits.holders import NO_LIMITS, Holder, LimitSet, holders_of
from accounts.models import IssuedToken, Limits, User
from accounts.token_text import digest_of, looks_issued, peppers, prefix_of

logger = logging.getLogger(__name__)

Network: TypeAlias = IPv4Network | IPv6Network

ANONYMOUS = "anonymous"
_REMEMBER_SECONDS = 4.0
_REMEMBER_REFUSAL_SECONDS = 2.0
_REMEMBERED_AT_MOST = 10_000
_LAST_USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose request this is, by which token (None: open access), and what it may do. `expires` is in Unix seconds."""

    user_id: int
    token_id: int | None
    username: str
    allowed_models: tuple[str, ...]
    token_limits: LimitSet
    user_limits: LimitSet
    expires: float | None
    time_zone: str = "UTC"
    networks: tuple[Network, ...] | None = None
    """Where it may be sent from; None: anywhere."""
    scopes: frozenset[str] = frozenset()
    """What it may be used for; empty: everything."""
    tells_sub_users: bool = False
    in_batch: bool = False
    """Whether nobody waits for its requests: then they use what others leave."""
    last_used: datetime | None = field(default=None, repr=False, compare=False)
    """When the token was used before this look-up."""
    holders: tuple[Holder, ...] = field(init=False, repr=False, compare=False)
    """Those whose limits its requests must keep; empty: there is no limit."""

    def __post_init__(self) -> None:
        """Put the limits together as they are asked for with each request."""
        limits = (self.token_limits, self.user_limits)
        object.__setattr__(self, "holders", holders_of(self.user_id, self.token_id, *limits, self.time_zone))

    def may_use(self, model_names: Iterable[str]) -> bool:
        """True when the token allows one of these spellings of the model asked for. No list: every model."""
        if not self.allowed_models:
            return True
        return any(fnmatchcase(name, pattern) for name in model_names for pattern in self.allowed_models)


class Unknown(Enum):
    """The marker of a token that only the database can judge."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN

# digest → (caller, the monotonic time until which it is believed). Refusals are kept apart, so that a flood of made-up
# tokens cannot push the callers out.
_callers: dict[bytes, tuple[Caller, float]] = {}
_refusals: dict[bytes, float] = {}
_look_ups: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[bytes, asyncio.Task[Caller | None]]]" = (
    WeakKeyDictionary()
)
_forgotten = 0

# The uses that wait to be written, by token, and in each event loop the task that writes them.
_used: dict[int, datetime] = {}
_noting: "WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]]" = WeakKeyDictionary()


def remembered(text: str) -> Caller | Unknown | None:
    """The caller of this token, None when it is refused, or UNKNOWN when the database must be asked. Does no I/O."""
    return _remembered(_key_of(text), text)


def was_known(text: str) -> bool:
    """True when this token was good some time ago, in this process."""
    return _key_of(text) in _callers


async def recognise(text: str) -> Caller | None:
    """The caller of this token, or None: malformed, unknown, revoked, expired, or its user is disabled.

    Asks the database when memory does not know, once however many requests wait for the answer. Raises what the
    database raises.
    """
    key = _key_of(text)
    known = _remembered(key, text)
    if known is not UNKNOWN:
        return known
    return await _ask(key, _find_caller, text)


async def caller_by_id(token_id: int | None) -> Caller | None:
    """Who made something with a token (None: open access), as long as that token is good; else None."""
    return await anonymous_caller() if token_id is None else await _recognise_id(token_id)


async def caller_in_batch(token_id: int | None) -> Caller | None:
    """Whose batch it is that was made with a token (None: open access), as long as that token is good; else None.

    What may be used in a minute is shared with those who wait: half of it is theirs alone. A line comes from no network.
    """
    caller = await caller_by_id(token_id)
    if caller is None:
        return None
    token_limits, user_limits = _halved(caller.token_limits), _halved(caller.user_limits)
    return replace(caller, in_batch=True, networks=None, token_limits=token_limits, user_limits=user_limits)


async def _recognise_id(token_id: int) -> Caller | None:
    key = f"token {token_id}".encode()
    known = _remembered(key, None)
    if known is not UNKNOWN:
        return known
    return await _ask(key, _find_by_id, str(token_id))


def _halved(limits: LimitSet) -> LimitSet:
    return replace(
        limits,
        **{
            name: max(1, limit // 2)
            for name in ("rpm", "tpm", "max_parallel")
            if (limit := getattr(limits, name)) is not None
        },
    )


async def anonymous_caller() -> Caller | None:
    """The user `anonymous` of open access, made when missing; None when someone has disabled it."""
    key = ANONYMOUS.encode()
    known = _remembered(key, None)
    if known is not UNKNOWN:
        return known
    return await _ask(key, _find_anonymous)


def those_that_hold(token_ids: Collection[int], user_ids: Collection[int]) -> tuple[set[int], set[int]]:
    """Of these tokens those that are neither revoked nor a disabled user's, and of these users the active ones.

    What has expired meanwhile still holds: it was good when it was used. Asks the database.
    """
    tokens = IssuedToken.everything.filter(pk__in=token_ids, revoked=None, user__is_active=True)
    users = User.objects.filter(pk__in=user_ids, is_active=True)
    return set(tokens.values_list("pk", flat=True)), set(users.values_list("pk", flat=True))


def forget(*, user_id: int | None = None, token_id: int | None = None) -> None:
    """Forget one user's or one token's caller; everyone without arguments. Any thread may call this."""
    global _forgotten
    _forgotten += 1
    _refusals.clear()
    if user_id is None and token_id is None:
        _callers.clear()
        return
    for key, (caller, _) in list(_callers.items()):
        if user_id in (caller.user_id, None) and token_id in (caller.token_id, None):
            _callers.pop(key, None)


def forget_changed(sender: type[Model], instance: Model, **kwargs: object) -> None:
    """Receive the signal that a user, plan or token was saved or deleted."""
    match instance:
        case User():
            forget(user_id=instance.pk)
        case IssuedToken():
            forget(token_id=instance.pk)
        case _:
            forget()


def _key_of(text: str) -> bytes:
    # surrogatepass: a header may hold anything, and what is no token is refused below, not here.
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass")).digest()


def _remembered(key: bytes, text: str | None) -> Caller | Unknown | None:
    found = _callers.get(key)
    if found is not None:
        caller, until = found
        if time.monotonic() < until:
            return caller if caller.expires is None or caller.expires > time.time() else None
        return UNKNOWN
    refused_until = _refusals.get(key)
    if refused_until is not None and time.monotonic() < refused_until:
        return None
    return None if text is not None and not looks_issued(text) else UNKNOWN


async def _ask(key: bytes, look_up: Callable[..., Caller | None], *args: str) -> Caller | None:
    running = _look_ups.setdefault(asyncio.get_running_loop(), {})
    task = running.get(key)
    if task is None:
        task = running[key] = asyncio.create_task(_look_up_and_remember(key, look_up, *args))
        task.add_done_callback(lambda done: (running.pop(key, None), done.cancelled() or done.exception()))
    # The first to ask may leave; the others still want the answer.
    return await asyncio.shield(task)


async def _look_up_and_remember(key: bytes, look_up: Callable[..., Caller | None], *args: str) -> Caller | None:
    started, forgotten = time.monotonic(), _forgotten
    caller = await in_db_soon(look_up, *args)
    if caller is not None and caller.token_id is not None:
        _note_use(caller.token_id, caller.last_used)
    if forgotten == _forgotten:  # Otherwise a revocation overtook this look-up: use the answer once, keep it not.
        _remember(key, caller, started)
    return caller


def _remember(key: bytes, caller: Caller | None, since: float) -> None:
    # Taken out first, so that each dict is in order of age and the oldest goes when room is needed.
    _callers.pop(key, None)
    _refusals.pop(key, None)
    if caller is None:
        _make_room(_refusals)
        _refusals[key] = since + _REMEMBER_REFUSAL_SECONDS
    else:
        _make_room(_callers)
        _callers[key] = caller, since + _REMEMBER_SECONDS


def _make_room(memory: dict[bytes, Any]) -> None:
    while len(memory) >= _REMEMBERED_AT_MOST:
        memory.pop(next(iter(memory)), None)


def _find_caller(text: str) -> Caller | None:
    """The database's answer about a token that looks issued, in equal work whether its prefix exists or not."""
    token = _tokens().filter(prefix=prefix_of(text)).first()
    by_version = peppers()
    pepper = by_version.get(token.pepper_version) if token else None
    digest = digest_of(text, pepper or next(iter(by_version.values())))
    proved = hmac.compare_digest(digest, token.digest if token else "0" * 64)
    return None if token is None or pepper is None or not proved else _caller_of(token)


def _find_by_id(token_id: str) -> Caller | None:
    token = _tokens().filter(pk=token_id).first()
    return None if token is None else _caller_of(token)


def _tokens() -> QuerySet[IssuedToken]:
    return IssuedToken.everything.select_related("user__plan")


def _caller_of(token: IssuedToken) -> Caller | None:
    if not token.user.is_active or not token.is_usable(timezone.now()):
        return None
    return Caller(
        user_id=token.user_id,
        token_id=token.pk,
        username=token.user.username,
        allowed_models=tuple(token.allowed_models),
        token_limits=limits_of(token),
        user_limits=limits_of(token.user, token.user.plan),
        expires=token.expires.timestamp() if token.expires else None,
        time_zone=token.user.time_zone,
        networks=tuple(map(ip_network, token.allowed_networks)) or None,
        scopes=frozenset(token.scopes),
        tells_sub_users=token.tells_sub_users,
        last_used=token.last_used,
    )


def _note_use(token_id: int, before: datetime | None) -> None:
    """Have the use of a token written down, unless one of the last minute is: nobody waits for that."""
    now, loop = timezone.now(), asyncio.get_running_loop()
    if before is not None and now - before < _LAST_USED_EVERY:
        return
    _used[token_id] = now
    noting = _noting.get(loop)
    if noting is None or noting.done():
        _noting[loop] = loop.create_task(_write_uses(), context=contextvars.Context())


async def _write_uses() -> None:
    """One write after another, so that a database that takes none holds up one thread and not all."""
    while _used:
        uses = dict(_used)
        _used.clear()
        try:
            await in_db(_store_uses, uses)
        except DatabaseError:
            logger.warning("The last uses of %d tokens were not written.", len(uses))


def _store_uses(uses: dict[int, datetime]) -> None:
    for token_id, when in uses.items():
        IssuedToken.everything.filter(pk=token_id).update(last_used=when)


def _find_anonymous() -> Caller | None:
    user = User.objects.select_related("plan").filter(username=ANONYMOUS).first()
    if user is None:
        user, _ = User.objects.get_or_create(username=ANONYMOUS, defaults={"password": make_password(None)})
    if not user.is_active:
        return None
    limits = limits_of(user, user.plan)
    return Caller(user.pk, None, user.username, (), NO_LIMITS, limits, None, time_zone=user.time_zone)


def limits_of(own: Limits, fallback: Limits | None = None) -> LimitSet:
    """The limits of `own`; a field it leaves empty is taken from `fallback`."""

    def limit(name: str) -> Any:
        value = getattr(own, name)
        return getattr(fallback, name) if value is None and fallback is not None else value

    return LimitSet(**{field.name: limit(field.name) for field in fields(LimitSet)})
