"""What a process loads: on SQLite and without Redis nothing of PostgreSQL, of Redis, or of DRF's test clients."""

import os
import subprocess
import sys

LOADED = """
import sys
import tumbler_site.asgi
from django.core.checks import run_checks
run_checks()
print(*(name for name in ("redis", "psycopg", "requests", "yaml", "urllib3") if name in sys.modules))
import psycopg, requests, yaml  # they can be had all the same
"""


def test_a_process_loads_only_what_it_uses(tmp_path):
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    environment = {**kept, "TUMBLER_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "tumbler_site.settings"}
    done = subprocess.run([sys.executable, "-c", LOADED], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
