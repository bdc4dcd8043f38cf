"""The tie between the pool of this process and the database: within a second what one finds out the other knows."""

import asyncio
import contextvars
import logging
import math
from datetime import datetime, timedelta

from django.db import DatabaseError
from django.utils import timezone

from accounts.contributing import ask_about_suspects
from accounts.in_db import DatabaseAway, in_db
from accounts.pool.clock import now
from accounts.pool.quotas import Quota
from accounts.pool.shared import SharedLedgers
from accounts.pool.state import Pool
from accounts.pool.storage import Findings, assumed_from, exchange, last_states, serving_upstream
from accounts.pool.together import Together
from accounts.remembered_settings import settings
from accounts.shared_store import wire_to

logger = logging.getLogger(__name__)

SYNC_SECONDS = 1.0
_STALE_SECONDS = 5.0
_MINUTE_IS_OVER = 75.0
_OVERLAP = timedelta(seconds=30)


class Exchange:
    """A pool, and what it has exchanged with the database and when. One timer at a time, so the load costs nothing more."""

    def __init__(self) -> None:
        self._tiers: list[tuple[str, bool, Quota]] = []
        self.pool = Pool(assumed=lambda model, paid: assumed_from(self._tiers, model, paid))
        self._stamp: object = None
        self._looked: datetime | None = None
        self._looked_at = -math.inf
        """The loop's time of the last exchange."""
        self._began = -math.inf
        """The loop's time at which the exchange that is under way was begun."""
        self._cleared: set[tuple[str, datetime]] = set()
        self.asking: asyncio.Task[int] | None = None
        """The question about suspected keys that is under way."""
        self.timer: asyncio.TimerHandle | None = None
        """When the next exchange begins,"""
        self._timer_in: asyncio.AbstractEventLoop
        """and in which loop; a loop that is closed begins none."""
        self.erasing: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._together: Together | None = None
        self._together_in: asyncio.AbstractEventLoop | None = None

    def is_fresh(self, at: float) -> bool:
        """True when what would be leased at a time of the event loop is what there is, see `ready`: always so under load."""
        age = at - self._looked_at
        return age < SYNC_SECONDS or (age < _STALE_SECONDS and self.pool.places.size > 0)

    async def ready(self) -> None:
        """See to it that what is leased is what there is: keys that came, were withdrawn or disabled meanwhile.

        Under load the exchange once a second has done so, and this returns at once. Before the first lease, after a pause,
        and once a second while there are no keys, it waits for an exchange, but not longer than DATABASE_SECONDS. Raises what
        the database raises, before the first.
        """
        if self.is_fresh(asyncio.get_running_loop().time()):
            return
        # However many wait, one exchange serves them all; one of them may leave without stopping it.
        running = self._running()
        patience = max(0.0, self._began + settings.DATABASE_SECONDS - asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(patience):
                await asyncio.shield(running)
        except TimeoutError:
            if self._looked is None:
                raise DatabaseAway("The pool cannot be read.") from None
        except DatabaseError:
            if self._looked is None:
                raise
            logger.warning("the pool could not exchange with the database; it goes on with what it knows")

    def together(self) -> Together | None:
        """The pool as one of several, None where there is no Redis."""
        if not settings.REDIS_URL:
            return None
        together = self._known_together()
        if together is None:
            ledgers = SharedLedgers(wire_to(settings.REDIS_URL))
            together = self._together = Together(self.pool, ledgers, settings.WORKERS, heed=self._start)
            self._together_in = asyncio.get_running_loop()
        return together

    def soon(self) -> None:
        """Exchange with the database within a second."""
        if self.timer is None or self._timer_in.is_closed():
            self._timer_in = asyncio.get_running_loop()
            self.timer = self._timer_in.call_later(SYNC_SECONDS, self._start)

    def stop(self) -> None:
        """Begin no exchange any more."""
        for timer in (self.timer, self.erasing):
            if timer is not None:
                timer.cancel()

    async def sync(self) -> None:
        """Write down what this process knows and take over what others wrote. Raises what the database raises."""
        unwritten = self.pool.take_unwritten(now())
        started = timezone.now()
        since = (self._looked or started) - _OVERLAP
        known = {key.id: key.secret for domain in self.pool.places.domains.values() for key in domain.keys}
        try:
            findings = await in_db(exchange, unwritten, known, self._stamp, since)
        except BaseException:
            self.pool.put_back(unwritten)
            raise
        self._take_over(findings)
        if self._looked is None:
            self.pool.places.restore(await in_db(last_states), now())
        if unwritten.states:
            self._come_back_when_the_minute_is_over()
        self._looked, self._looked_at = started, asyncio.get_running_loop().time()
        together = self._known_together()
        if together is not None and (unwritten.disabled or unwritten.suspected or unwritten.quotas):
            together.ledgers.tell_news()
        if findings.has_suspects and (self.asking is None or self.asking.done()):
            question = in_db(ask_about_suspects, serving_upstream())
            self.asking = asyncio.get_running_loop().create_task(question, context=contextvars.Context())

    def _take_over(self, findings: Findings) -> None:
        pool = self.pool
        assumptions_changed = self._tiers != findings.tiers
        self._tiers = findings.tiers
        if findings.keys is not None:
            pool.replace_keys(findings.keys)
        self._stamp = findings.stamp
        pool.learn_quotas(findings.quotas, assumptions_changed=assumptions_changed)
        pool.places.learn_usage(findings.used, now())
        # Each look goes back a little, so that a reset written meanwhile is not missed: those that are known are passed over.
        fresh = set(findings.cleared) - self._cleared
        self._cleared = set(findings.cleared)
        pool.learn_rests(findings.rests, [domain for domain, _ in fresh])

        together = self._known_together()
        if together is not None:
            for domain, at in fresh:
                together.wake(domain, at.timestamp())

    def _known_together(self) -> Together | None:
        """As `together`, if it was made in this event loop: a page that exchanges once needs no connection of its own."""
        return self._together if self._together_in is asyncio.get_running_loop() else None

    def _come_back_when_the_minute_is_over(self) -> None:
        """What was written of the running minute is erased after it, though nobody asks for anything any more."""
        if self.erasing is not None:
            self.erasing.cancel()
        self.erasing = asyncio.get_running_loop().call_later(_MINUTE_IS_OVER, self._start)

    def _start(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        self._running().add_done_callback(self._tell_failure)

    def _running(self) -> "asyncio.Task[None]":
        """The exchange that is under way, else a new one."""
        if self._task is None or self._task.done():
            # A context of its own: the request that asks for it may be over before it is.
            loop = asyncio.get_running_loop()
            self._task = loop.create_task(self.sync(), context=contextvars.Context())
            self._began = loop.time()
        return self._task

    def _tell_failure(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            logger.warning("the pool could not exchange with the database; it goes on with what it knows")
            self.soon()
