"""How long does the dashboard take with a million usage records, a fifth of them the reader's own?

    python benchmarks/dashboard.py [--records 1000000]

Fills a database of its own with 30 days of records and their totals, then asks for the page as its reader does, and prints
the median server time of each view in milliseconds and its number of queries.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring.pages import ask_for_pages, own_site

USERS = 100
DAYS = 30
PAGES = {
    "30 days": "/accounts/usage/",
    "90 days": "/accounts/usage/?days=90",
    "one model": "/accounts/usage/?model=gpt-4o",
    "failed": "/accounts/usage/?status=failed",
    "all requests": "/accounts/requests/",
}

# Every fifth record is the first user's; the newest is from now, the oldest from 30 days ago.
_RECORDS = """
insert into accounts_usagerecord (id, created, user_id, token_id, owner, sub_user, endpoint, stream, model, gemini_model,
    status, error_code, attempts, prompt_tokens, cached_tokens, tool_prompt_tokens, completion_tokens, reasoning_tokens,
    total_tokens, counts_from, cost, queue_ms, first_byte_ms, total_ms, tried)
with recursive numbered(n, user) as (
    select 0, 1 union all select n + 1, case when (n + 1) % 5 = 0 then 1 else 2 + (n + 1) % 99 end
    from numbered where n < {records} - 1)
select lower(hex(randomblob(16))), strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || (n * {days} * 86400.0 / {records}) || ' seconds'),
    user, user, user || ':' || user, '', 'chat.completions', 0,
    case n % 3 when 0 then 'gpt-4o' when 1 then 'gpt-5-mini' else 'gemini-3.8-flash' end, 'gemini-3.8-flash',
    case n % 50 when 0 then 503 else 200 end, '', 1, 100, 0, 0, 200, 50, 300, 'upstream', 0.001, 1, 300, 900, '[]'
from numbered
"""
_TOTALS = """
insert into accounts_usagetotal (day, user_id, token_id, owner, model, gemini_model, requests, errors, prompt_tokens,
    cached_tokens, tool_prompt_tokens, completion_tokens, reasoning_tokens, total_tokens, cost, rows_purged)
select date(created), user_id, token_id, owner, model, gemini_model, count(*), sum(status >= 400), sum(prompt_tokens),
    0, 0, sum(completion_tokens), sum(reasoning_tokens), sum(total_tokens), sum(cost), 0
from accounts_usagerecord group by 1, 2, 3, 4, 5, 6
"""


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    records = parser.parse_args().records
    with own_site():
        _fill(records)
        from accounts.models import UsageRecord, User

        reader = User.objects.get(username="user-0")
        print(f"{UsageRecord.objects.count():,} records, {reader.usage_records.count():,} of the reader's own")
        ask_for_pages(reader, PAGES)


def _fill(records: int) -> None:
    from django.db import connection

    from accounts.issuing import issue_token
    from accounts.models import Plan, User

    plan = Plan.objects.create(name="everybody's", rpm=60, monthly_tokens=10**9, monthly_cost=10_000)
    for number in range(USERS):
        issue_token(User.objects.create(username=f"user-{number}", plan=plan))
    with connection.cursor() as cursor:
        cursor.execute(_RECORDS.format(records=records, days=DAYS))
        cursor.execute(_TOTALS)


if __name__ == "__main__":
    main()
