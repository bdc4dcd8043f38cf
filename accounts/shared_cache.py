"""Django's cache: what was tried too often at the login, and second factors that are spent, for all processes together.

It is Redis where that is used, and the memory of each process otherwise or while Redis is away: then each counts alone.
"""

import json
import time
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from accounts.shared_store import ANSWER_SECONDS, PROBE_SECONDS

_silent_until = 0.0


class Json:
    """How values lie in Redis: what comes back from there is data, and never code as pickles are."""

    def dumps(self, value: Any) -> str:
        """The text of a value."""
        return json.dumps(value)

    def loads(self, text: bytes) -> Any:
        """The value of a text."""
        return json.loads(text)


class SharedCache(RedisCache):
    """Redis, and the memory of this process while that is away: it is asked again after a second."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        brief = {
            "socket_timeout": ANSWER_SECONDS,
            "socket_connect_timeout": ANSWER_SECONDS,
            "retry": Retry(NoBackoff(), 0),
            "serializer": Json,
        }
        super().__init__(server, {**params, "OPTIONS": brief})
        self._alone = LocMemCache("alone", params)

    def add(self, *args: Any, **kwargs: Any) -> bool:
        """Set what is not there: False where it is."""
        return bool(self._ask("add", *args, **kwargs))

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """What is kept, or the default."""
        return self._ask("get", *args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> None:
        """Keep it."""
        self._ask("set", *args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        """Forget it: False where it is not there."""
        return bool(self._ask("delete", *args, **kwargs))

    def clear(self) -> None:
        """Forget what this process counted alone. Redis holds more than this cache, and its values go by their time."""
        self._alone.clear()

    def _ask(self, verb: str, *args: Any, **kwargs: Any) -> Any:
        global _silent_until
        if time.monotonic() >= _silent_until:
            try:
                return getattr(super(), verb)(*args, **kwargs)
            except (RedisError, OSError):
                _silent_until = time.monotonic() + PROBE_SECONDS
        return getattr(self._alone, verb)(*args, **kwargs)
