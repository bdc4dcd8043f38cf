"""Several processes on one Redis and one PostgreSQL, all of them real."""

from tests.redis_server import frail_redis, redis_url

__all__ = ["frail_redis", "redis_url"]
