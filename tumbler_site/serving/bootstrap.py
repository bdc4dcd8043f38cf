"""What the site needs before its first request: tables, the operator's keys, the first admin and the first token."""

import contextlib
import fcntl
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from accounts.contributing import contribute
from accounts.issuing import issue_token
from accounts.models import ContributedKey, IssuedToken, User
from tumbler_site.env import env_secret

FIRST_RUN_FILE = "first-run.txt"
_KEY_VARIABLE = re.compile(r"(GEMINI_API_KEY(?:_(\d+))?)(?:_FILE)?")


class FirstRun(NamedTuple):
    """What was made just now, by the names that first-run.txt has; an empty text was there before."""

    base_url: str
    token: str
    admin_user: str
    admin_password: str


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold the data directory's lock: a second process that prepares the same site waits for the first."""
    with open(settings.DATA_DIR / "prepare.lock", "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def has_unapplied_migrations() -> bool:
    """True when the database is older than the code."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def migrate() -> bool:
    """Bring the database up to the code; True when there was something to do."""
    if not has_unapplied_migrations():
        return False
    call_command("migrate", interactive=False, verbosity=0)
    return True


def operator_key_variables() -> list[str]:
    """The environment's GEMINI_API_KEY, GEMINI_API_KEY_2 … that hold something (themselves or by a file), in order."""
    found = {match[1]: int(match[2] or 1) for name in os.environ if (match := _KEY_VARIABLE.fullmatch(name))}
    return [name for name in sorted(found, key=found.__getitem__) if env_secret(name)]


def import_operator_keys() -> dict[str, str]:
    """Put the environment's keys into the pool; the verdict (added, duplicate, malformed) for each variable."""
    return {
        name: contribute(
            env_secret(name),
            source=ContributedKey.Source.OPERATOR,
            label=name,
            upstream=ContributedKey.Upstream.GEMINI,
        ).verdict
        for name in operator_key_variables()
    }


def make_first_run(base_url: str) -> FirstRun | None:
    """Make the first admin and the first token where there is none yet, and keep them in first-run.txt.

    None when both are there: nothing is ever given twice. The file is written before the commit, so that a crash
    leaves no admin whose password nobody has seen.
    """
    try:
        with transaction.atomic():
            made = _make_missing(base_url)
            if made is not None:
                _write_first_run(made)
    except IntegrityError:
        # Another process, perhaps on another host, made the same rows at this moment: they are its to show.
        return None
    return made


def _make_missing(base_url: str) -> FirstRun | None:
    admin = User.objects.filter(is_superuser=True).order_by("pk").first()
    needs_token = not IssuedToken.objects.exists()
    if admin is not None and not needs_token:
        return None
    password = ""
    if admin is None:
        password = secrets.token_urlsafe(15)
        admin = User.objects.create_superuser(username=_free_name(), password=password)
    token = issue_token(admin, name="first token")[1] if needs_token else ""
    return FirstRun(base_url, token, admin.username if password else "", password)


def _free_name() -> str:
    # A stranger may have signed up as “admin” meanwhile: then that account must not become the admin's.
    taken = set(User.objects.filter(username__startswith="admin").values_list("username", flat=True))
    return next(name for name in ("admin", *(f"admin{n}" for n in range(2, len(taken) + 3))) if name not in taken)


def first_run_file() -> Path:
    """Where the first token and the admin's password are kept (mode 0600)."""
    return Path(settings.DATA_DIR) / FIRST_RUN_FILE


def _write_first_run(made: FirstRun) -> None:
    path = first_run_file()
    known = _read_first_run(path) | {name: value for name, value in made._asdict().items() if value}
    # mkstemp opens with O_EXCL and mode 0600; the whole file then takes its place at once.
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".first-run-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(f"{name}: {value}\n" for name, value in known.items())
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def _read_first_run(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return dict(line.split(": ", 1) for line in lines if ": " in line)
