"""A real server whose upstream is a simulator, and a browser with somebody signed in."""

from types import SimpleNamespace

import pytest

from tests.browser.identity_provider import CLIENT, SECRET, serving
from tests.live.gateway import Gateway, simulated_gemini
from tests.pages.conftest import _SIGN_IN, CHROMIUM, _python, axe, browser, open_as, windows

__all__ = ["axe", "browser", "open_as", "windows"]

KEYS = ["sim-paid-browser-a", "sim-paid-browser-b"]


@pytest.fixture(scope="session")
def upstream():
    with simulated_gemini() as url:
        yield url


@pytest.fixture(scope="session")
def identity_provider():
    """Running for as long as the site."""
    with serving() as provider:
        yield provider


@pytest.fixture
def provider(identity_provider):
    """The same, as it was at first."""
    identity_provider.forget()
    return identity_provider


@pytest.fixture(scope="session")
def site(tmp_path_factory, template, upstream, identity_provider):
    """As the site of the other pages, but that it answers."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (apt-get install chromium)")
    directory = tmp_path_factory.mktemp("browser")
    more = {
        "TUMBLER_SIGN_UP": "open",
        "TUMBLER_CHECK_SECONDS": "0.3",
        "TUMBLER_OIDC_URL": identity_provider.url,
        "TUMBLER_OIDC_NAME": "Our own login",
        "TUMBLER_OIDC_CLIENT_ID": CLIENT,
        "TUMBLER_OIDC_CLIENT_SECRET": SECRET,
    }
    gateway = Gateway(template, directory / "var", "daphne", upstream, KEYS, **more)
    known = {}

    def session(name):
        if name not in known:
            known[name] = _python(gateway.directory, _SIGN_IN, name)
        return known[name]

    yield SimpleNamespace(url=gateway.url, directory=gateway.directory, session=session, gateway=gateway)
    gateway.stop()
