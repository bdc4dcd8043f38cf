"""The limits of a quota domain for one model: assumed, then learned from what the upstream says."""

import math
from typing import NamedTuple


class Quota(NamedTuple):
    """Requests and input tokens a minute, requests a day; None: no limit is known."""

    rpm: int | None = None
    tpm: int | None = None
    rpd: int | None = None

    def kept(self, share: float) -> "Quota":
        """The quota without the share of the day that the contributor keeps."""
        return self if not share or self.rpd is None else self._replace(rpd=math.floor(self.rpd * (1 - share)))

    def divided(self, parts: int) -> "Quota":
        """The minute's quota for one of so many processes that can not count together."""
        if parts == 1:
            return self
        return self._replace(rpm=_part(self.rpm, parts), tpm=_part(self.tpm, parts))


NO_QUOTA = Quota()


def learned(quota: Quota, quota_ids: tuple[str, ...], value: int | None) -> Quota:
    """The quota after a refusal that names its limit (Gemini API, QuotaFailure: quotaId and quotaValue)."""
    if not value:
        return quota  # 0: the model is not offered at all, which is a rest and not a limit
    for quota_id in quota_ids:
        if "PerDay" in quota_id and "Token" not in quota_id:
            quota = quota._replace(rpd=value)
        elif "PerMinute" in quota_id and "Token" in quota_id:
            quota = quota._replace(tpm=value)
        elif "PerMinute" in quota_id:
            quota = quota._replace(rpm=value)
    return quota


def crept(quota: Quota, *, minute: bool) -> Quota:
    """A little more than before, after a window that was used up without a refusal: limits are also raised."""
    if minute:
        return quota._replace(rpm=_more(quota.rpm), tpm=_more(quota.tpm))
    return quota._replace(rpd=_more(quota.rpd))


def _part(limit: int | None, parts: int) -> int | None:
    return None if limit is None else -(-limit // parts)


def _more(limit: int | None) -> int | None:
    return None if limit is None else limit + max(1, limit // 20)
