"""A real server with the built-in simulator, a real browser, and people who are signed in already."""

import os
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.live.gateway import ROOT, Gateway, environment

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
SIZES = {"phone": {"width": 390, "height": 800}, "desk": {"width": 1280, "height": 800}}

# Prints the session key of somebody who has signed in.
_SIGN_IN = """
import sys
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from accounts.models import User
name = sys.stdin.read()
staff = name == "root"
defaults = {"email": name + "@example.org", "is_staff": staff, "is_superuser": staff}
user, _ = User.objects.get_or_create(username=name, defaults=defaults)
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.create()
print(session.session_key)
"""

# A site that is in use, with one request by ada; two batches of hers; prints the ids of a key, the request and a batch.
_FILL = """
from accounts import audit
from accounts.models import ContributedKey, IssuedToken, Plan, UsageRecord, User
from tests.admin.filling import HOSTILE, fill
fill(2)
audit.record_on(None, "changed", Plan.objects.all()[:2], {"rpm": ("60", "90"), "name": ("", HOSTILE)})
record = UsageRecord.objects.first()
record.user = User.objects.get(username="ada")
record.save()
IssuedToken.objects.filter(user__username="ada").update(name=HOSTILE, allowed_models=["*"])
from accounts import batches, files
file = files.keep(record.user_id, "a.jsonl", "batch_output", [b"{}"])
batch = batches.create(record.user_id, None, endpoint="/v1/chat/completions", input_file="file-1")
for each, done in ((batch, 7), (batches.create(record.user_id, None, endpoint="/v1/embeddings", input_file="f"), 10)):
    each.status, each.total, each.completed, each.failed = "in_progress", 10, done, 0
    each.leased_until = each.expires
    each.save()
each.status, each.ended_at, each.output_file = "completed", each.created, file.pk
each.save()
print(ContributedKey.objects.first().pk, record.pk, batch.pk)
"""


@pytest.fixture(scope="session")
def site(tmp_path_factory, template):
    """The server: `url`, `directory`, ids of `rows`, and `session(name)`, the cookie of somebody who has signed in."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (apt-get install chromium)")
    directory = tmp_path_factory.mktemp("pages")
    gateway = Gateway(template, directory / "var", "daphne", "http://127.0.0.1:9", [])
    rows = dict(zip(("key", "record", "batch"), _python(gateway.directory, _FILL, "").split()[-3:], strict=True))
    known = {}

    def session(name):
        if name not in known:
            known[name] = _python(gateway.directory, _SIGN_IN, name)
        return known[name]

    yield SimpleNamespace(url=gateway.url, directory=gateway.directory, session=session, gateway=gateway, rows=rows)
    gateway.stop()


def _python(data_dir, code, stdin):
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", "shell", "-v0", "-c", code],
        input=stdin,
        capture_output=True,
        text=True,
        env=environment(data_dir),
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def browser():
    """One for each module: while Playwright runs, its event loop keeps Django from the database in this thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Windows:
    """A browser's windows. To open one takes a second of processor: each is tidied, and used again."""

    def __init__(self, browser, origin):
        self._browser = browser
        self._origin = origin
        self._tidy = defaultdict(list)

    def take(self, size, scheme, language):
        """A window (Playwright's context) in which nobody has been."""
        if tidy := self._tidy[size, scheme, language]:
            return tidy.pop()
        context = self._browser.new_context(
            base_url=self._origin, viewport=SIZES[size], color_scheme=scheme, locale=language, reduced_motion="reduce"
        )
        context.new_page()  # stays empty: a window without a page closes
        return context

    def give_back(self, context, *look):
        """Leave nothing of who was in it."""
        first, *pages = context.pages
        for page in pages:
            page.close()
        context.clear_cookies()
        context.clear_permissions()
        session = context.new_cdp_session(first)
        session.send("Storage.clearDataForOrigin", {"origin": self._origin, "storageTypes": "all"})
        session.detach()
        self._tidy[look].append(context)


@pytest.fixture(scope="module")
def windows(site, browser):
    """Those of the module's browser."""
    return Windows(browser, site.url)


@pytest.fixture
def open_as(site, windows):
    """open_as(name, size, scheme, language): a page of somebody's ("" is a stranger); `complaints` is what the browser says."""
    taken = []

    def open_page(name="", size="desk", scheme="light", language="en"):
        context = windows.take(size, scheme, language)
        taken.append((context, size, scheme, language))
        if name:
            context.add_cookies([{"name": "sessionid", "value": site.session(name), "url": site.url}])
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("requestfailed", lambda request: page.complaints.append(f"{request.url} failed"))
        return page

    yield open_page
    for each in taken:
        windows.give_back(*each)


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The text of axe-core's script, from npm."""
    directory = tmp_path_factory.mktemp("axe")
    if not shutil.which("npm"):
        pytest.skip("npm is missing")
    shutil.copy(Path(__file__).parent / "package.json", directory)
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
    done = subprocess.run(
        ["npm", "install", *quiet, f"--cache={directory}/cache"],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
        env=dict(os.environ),
    )
    if done.returncode:
        pytest.skip(f"npm could not install axe-core: {done.stderr.strip()[-300:]}")
    return (directory / "node_modules/axe-core/axe.min.js").read_text()
