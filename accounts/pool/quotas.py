"""The limits of a quota domain for one model: assumed, then learned from what the upstream says."""

import math
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace


class Quota(Struct, frozen=True, gc=False):
    """Requests and input tokens a minute, requests a day; None: no limit is known."""

    rpm: int | None = None
    tpm: int | None = None
    rpd: int | None = None

    def kept(self, share: float) -> "Quota":
        """The quota without the share of the day that the contributor keeps."""
        return self if not share or self.rpd is None else replace(self, rpd=math.floor(self.rpd * (1 - share)))

    def divided(self, parts: int) -> "Quota":
        """The minute's quota for one of so many processes that can not count together."""
        if parts == 1:
            return self
        return replace(self, rpm=_part(self.rpm, parts), tpm=_part(self.tpm, parts))

    def spare(self, tokens: int, day_left: float, *, paid: bool) -> "Quota":
        """What of it a request may count on that nobody waits for: the others shall find room as if it were not there.

        Half of a minute, or a whole minute's tokens for a prompt that is larger; of the day all but half of what would last
        for the share of it that is left (0 to 1). Where a free project's requests a minute are not known, few are assumed.
        """
        rpm = USUAL_RPM if self.rpm is None and not paid else self.rpm
        tpm, rpd = self.tpm, self.rpd
        return Quota(
            None if rpm is None else max(1, rpm // 2),
            tpm if tpm is None or tokens > tpm // 2 else tpm // 2,
            None if rpd is None else rpd - math.floor(rpd * day_left / 2),
        )


NO_QUOTA = Quota()
USUAL_RPM = 10
"""Of a project whose requests a minute are not known yet."""


def learned(quota: Quota, violations: Iterable[tuple[str, int | None]]) -> Quota:
    """The quota after a refusal that names its limits (Gemini API, QuotaFailure: each violation's quotaId and quotaValue)."""
    for quota_id, value in violations:
        name = limit_of(quota_id)
        # 0: the model is not offered at all, which is a rest and not a limit.
        if name and value:
            quota = replace(quota, **{name: value})
    return quota


def limit_of(quota_id: str) -> str:
    """The name of the limit that a quotaId means; empty for one that is not counted here."""
    if "PerDay" in quota_id:
        return "" if "Token" in quota_id else "rpd"
    if "PerMinute" in quota_id:
        return "tpm" if "Token" in quota_id else "rpm"
    return ""


def crept(quota: Quota, name: str) -> Quota:
    """The quota with a little more of the limit of that name: one that is used up without a refusal may have been raised."""
    limit: int | None = getattr(quota, name)
    return quota if limit is None else replace(quota, **{name: limit + max(1, limit // 20)})


def _part(limit: int | None, parts: int) -> int | None:
    return None if limit is None else -(-limit // parts)
