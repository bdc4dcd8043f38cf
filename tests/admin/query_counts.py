"""The number of queries of each page, held in query_counts.json. RECORD_QUERY_COUNTS=1 writes the numbers of this run."""

import json
import os
from contextlib import contextmanager
from pathlib import Path

from django.db import connection
from django.test.utils import CaptureQueriesContext

_FILE = Path(__file__).with_name("query_counts.json")


@contextmanager
def recorded_queries(name):
    """Fail when the block asks the database more or less often than is on record."""
    with CaptureQueriesContext(connection) as queries:
        yield
    # Savepoints depend on the test's own transaction.
    count = sum(not query["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")) for query in queries)
    on_record = json.loads(_FILE.read_text()) if _FILE.exists() else {}
    if os.environ.get("RECORD_QUERY_COUNTS") == "1":
        on_record[name] = count
        _FILE.write_text(json.dumps(on_record, indent=2, sort_keys=True) + "\n")
    assert on_record.get(name) == count, f"{name}: {count} queries, {on_record.get(name)} on record"
