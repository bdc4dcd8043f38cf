"""The 429 of an exceeded quota: QuotaFailure, RetryInfo and the sentence with the seconds."""

from collections.abc import Sequence

from compat.simulator.model_facts import ModelFacts
from compat.simulator.quotas import MINUTE, Exceeded
from compat.simulator.refusals import SERVICE, Refused
from compat.simulator.wire import JsonObject

# (kind of call, paid, limit) → metric, quota id.
_NAMES = {
    ("generate", False, "rpm"): (
        "generate_content_free_tier_requests",
        "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
    ),
    ("generate", False, "tpm"): (
        "generate_content_free_tier_input_token_count",
        "GenerateContentInputTokensPerModelPerMinute-FreeTier",
    ),
    ("generate", False, "rpd"): (
        "generate_content_free_tier_requests",
        "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
    ),
    ("generate", True, "rpm"): ("generate_requests_per_model", "GenerateRequestsPerMinutePerProjectPerModel"),
    ("generate", True, "tpm"): (
        "generate_content_paid_tier_input_token_count",
        "GenerateContentPaidTierInputTokensPerModelPerMinute",
    ),
    ("generate", True, "rpd"): ("generate_requests_per_model_per_day", "GenerateRequestsPerDayPerProjectPerModel"),
    ("embed", False, "rpm"): (
        "embed_content_free_tier_requests",
        "EmbedContentRequestsPerMinutePerProjectPerModel-FreeTier",
    ),
    ("embed", False, "tpm"): (
        "embed_content_free_tier_input_token_count",
        "EmbedContentInputTokensPerModelPerMinute-FreeTier",
    ),
    ("embed", False, "rpd"): (
        "embed_content_free_tier_requests",
        "EmbedContentRequestsPerDayPerProjectPerModel-FreeTier",
    ),
    ("embed", True, "rpm"): ("embed_content_requests", "EmbedContentRequestsPerMinutePerProjectPerModel"),
    ("embed", True, "tpm"): ("embed_content_input_token_count", "EmbedContentInputTokensPerModelPerMinute"),
    ("embed", True, "rpd"): ("embed_content_requests", "EmbedContentRequestsPerDayPerProjectPerModel"),
}
_HELP = {
    "@type": "type.googleapis.com/google.rpc.Help",
    "links": [
        {
            "description": "Learn more about Gemini API quotas",
            "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
        }
    ],
}


def quota_refusal(facts: ModelFacts, exceeded: Sequence[Exceeded], *, paid: bool) -> Refused:
    """The 429 for those limits.

    A day's refusal carries a RetryInfo of under a minute, as the recorded one does; who trusts it will come too soon.
    """
    kind = "embed" if facts.kind == "embedding" else "generate"
    model = facts.served_as
    wait = max(limit.wait % MINUTE if limit.limit_name == "rpd" else limit.wait for limit in exceeded)
    violations: list[JsonObject] = []
    lines = []
    for limit in exceeded:
        metric, quota_id = _NAMES[kind, paid, limit.limit_name]
        lines.append(f"* Quota exceeded for metric: {SERVICE}/{metric}, limit: {limit.value}, model: {model}")
        violations.append(
            {
                "quotaMetric": f"{SERVICE}/{metric}",
                "quotaId": quota_id,
                "quotaDimensions": {"location": "global", "model": model},
                "quotaValue": str(limit.value),
            }
        )
    message = (
        "You exceeded your current quota, please check your plan and billing details. For more information on this"
        " error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current usage, head to:"
        " https://ai.dev/rate-limit. \n" + ", \n".join(lines) + f"\nPlease retry in {wait:.9f}s."
    )
    return Refused(
        429,
        message,
        [
            _HELP,
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{int(wait)}s"},
        ],
    )


# Faults that pretend a quota is used up: the limits they name, with recorded values.
PRETENDED = {
    "exhausted-day": (Exceeded("rpd", 20, 41.754757778),),
    "exhausted-minute": (Exceeded("rpm", 10, 48.939935699),),
    "exhausted-tokens": (Exceeded("tpm", 250_000, 34.4),),
    "limit0": (Exceeded("rpd", 0, 41.5), Exceeded("rpm", 0, 41.5), Exceeded("tpm", 0, 41.5)),
}
