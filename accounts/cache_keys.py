"""How keys lie in Django's cache, wherever that is."""

from django.utils.crypto import salted_hmac


def digest_of(key: str, prefix: str, version: int) -> str:
    """What a key is called in the cache: the addresses in it are nobody's to read."""
    keyed = salted_hmac("accounts.shared_cache", f"{prefix}:{version}:{key}", algorithm="sha256")
    return f"tumbler:cache:{keyed.hexdigest()}"
