"""Sub-users: the people behind a token that serves many, told apart by a keyed hash and by nothing else."""

import hashlib
import hmac

from django.conf import settings


def label_of(user_id: int, named: str) -> str:
    """32 hex digits for whom a client names; another name for each user of ours, so that nobody is followed across."""
    text = f"{user_id}|{named.strip()}"
    return hmac.new(settings.LABEL_KEY.encode(), text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]
