"""Pictures of the main pages for the documentation: starts the demo on a free port, fills it a little, photographs it.

Usage: .venv/bin/python scripts/screenshots.py [DIRECTORY]

With a directory the pictures are to be looked at and go there: each page on a phone and at a desk, light and dark.
It needs Debian's chromium, or CHROMIUM naming another one.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from openai import OpenAI
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
PAGES = {
    "admin-home": "/admin/",
    "admin-audit": "/admin/accounts/staffact/",
    "admin-import": "/admin/accounts/contributedkey/import/",
    "admin-keys": "/admin/accounts/contributedkey/",
    "admin-live": "/admin/live/",
    "admin-mappings": "/admin/compat/modelmapping/",
    "admin-try": "/admin/compat/modelmapping/try/?name=gpt-4o",
    "admin-usage": "/admin/accounts/usagerecord/",
    "api": "/docs/",
    "dashboard": "/accounts/usage/",
    "tokens": "/accounts/tokens/",
    "token": "/accounts/tokens/1/",
    "second-factor": "/accounts/2fa/",
    "connect": "/connect/",
    "playground": "/playground/",
    "requests": "/accounts/requests/",
    "contribute": "/contribute/",
    "receipt": "/contribute/receipt/",
    "privacy": "/privacy/",
    "status": "/status/",
}
STRANGERS = {"home": "/", "sign-in": "/accounts/login/", "sign-up": "/accounts/signup/"}
MOST = 3000
WIDTHS, SCHEMES = {"desk": 1280, "phone": 390}, ("light", "dark")
KEYS = "\n".join(
    f"sim-{name}-{number}" for number, name in enumerate(("ada", "grace", "alan", "edsger", "barbara", "dead-x"))
)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, seconds: float = 30) -> None:
    """Return when the URL answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    sys.exit(f"{url} does not answer")


def fill(base: str, token: str, environment: dict[str, str]) -> None:
    """Some keys and requests, so that the pages have something to show."""
    manage = [sys.executable, str(ROOT / "manage.py"), "contribute_keys", "--label", "demo"]
    subprocess.run(manage, input=KEYS, text=True, env={**environment, "TUMBLER_SIMULATOR": "1"}, check=True, cwd=ROOT)
    client = OpenAI(base_url=f"{base}/v1", api_key=token, max_retries=0)
    time.sleep(2)
    for number in range(40):
        model = ("gpt-4o", "gpt-4-turbo", "gemini-3.8-flash", "gpt-5-mini")[number % 4]
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": f"Question {number}?"}])
    time.sleep(3)


def keep_busy(base: str, token: str, ended: threading.Event) -> None:
    """Slow streams, one after the other, so that something is running whenever the picture is taken."""
    client = OpenAI(base_url=f"{base}/v1", api_key=token, max_retries=0)
    while not ended.is_set():
        question = [{"role": "user", "content": "Tell me of the lighthouse at the end of the world."}]
        for _ in client.chat.completions.create(model="gemini-3.8-flash--drip-250", messages=question, stream=True):
            if ended.is_set():
                break


def watch(page: Page) -> None:
    """Live traffic, with requests under way."""
    page.wait_for_selector("#running tr >> nth=2")
    time.sleep(4)


def test_itself(page: Page) -> None:
    """The connect page, when it has tested itself."""
    page.click("#run")
    page.wait_for_selector("#outcome.notice", timeout=60_000)
    page.evaluate("scrollTo(0, 0)")  # the button brought its part of the page into view


def chat(page: Page) -> None:
    """The playground, in the middle of a conversation."""
    page.evaluate("document.getElementById('settings').open = true")  # on a phone it is shut
    page.select_option("#effort", "high")
    page.evaluate("if (innerWidth < 800) document.getElementById('settings').open = false")
    page.fill("#prompt", "Which **sea** is the saltiest?\n\n1. the Dead Sea\n2. the Baltic")
    page.press("#prompt", "Enter")
    page.wait_for_selector(".turn .counts", timeout=60_000)


def explain(page: Page) -> None:
    """The last request's own page."""
    page.click("main tbody a >> nth=0")
    page.wait_for_selector(".timeline")


ACTS = {"admin-live": watch, "connect": test_itself, "playground": chat, "requests": explain}


def visit(page: Page, base: str, name: str, path: str) -> None:
    """Open the page, and do there what makes it worth a picture."""
    answer = page.goto(base + path, wait_until="load" if name == "admin-live" else "networkidle")
    if answer is None or answer.status != 200:
        sys.exit(f"{path} is not there")
    ACTS.get(name, lambda page: None)(page)


def photograph(page: Page, base: str, name: str, path: str, directory: Path) -> None:
    """One picture, as the documentation shows it."""
    visit(page, base, name, path)
    page.screenshot(path=str(directory / f"{name}.png"))


def look(page: Page, base: str, name: str, path: str, directory: Path) -> None:
    """The page, or its beginning, on a phone and at a desk, light and dark."""
    for place, width in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": 800})
        visit(page, base, name, path)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(300)
            height = min(page.evaluate("document.documentElement.scrollHeight"), MOST)
            whole = {"x": 0, "y": 0, "width": width, "height": height}
            page.screenshot(path=str(directory / f"{name}-{place}-{scheme}.png"), full_page=True, clip=whole)


def sign_in(page: Page, base: str, secrets: dict[str, str]) -> None:
    """As the first admin."""
    page.goto(f"{base}/accounts/login/")
    page.fill("input[name=login]", secrets["admin_user"])
    page.fill("input[name=password]", secrets["admin_password"])
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "login" not in url)


def main() -> None:
    """Start, fill, photograph, stop."""
    directory, take = (Path(sys.argv[1]), look) if sys.argv[1:] else (IMAGES, photograph)
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    ended = threading.Event()
    with tempfile.TemporaryDirectory() as data_dir:
        environment = {**os.environ, "TUMBLER_DATA_DIR": data_dir}
        command = [sys.executable, str(ROOT / "manage.py"), "serve", "--prepare", "--demo", "--port", str(port)]
        server = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            wait_for(f"{base}/readyz")
            first_run = (Path(data_dir) / "first-run.txt").read_text()
            secrets = dict(re.findall(r"^(\w+): (.*)$", first_run, re.M))
            fill(base, secrets["token"], environment)
            busy = [threading.Thread(target=keep_busy, args=(base, secrets["token"], ended)) for _ in range(4)]
            for thread in busy:
                thread.start()
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                for name, path in STRANGERS.items():
                    take(page, base, name, path, directory)
                sign_in(page, base, secrets)
                for name, path in PAGES.items():
                    take(page, base, name, path, directory)
                browser.close()
        finally:
            ended.set()
            server.terminate()
            server.wait(60)


if __name__ == "__main__":
    main()
