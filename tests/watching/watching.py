"""People signed in to a running site, and their sockets to its live page."""

import json
import time
from contextlib import contextmanager, suppress

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

SIGN_IN = """
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Permission
from django.contrib.sessions.backends.db import SessionStore
from accounts.models import User

def signed_in(user):
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    print(user.username, session.session_key)

signed_in(User.objects.create_superuser("boss"))
signed_in(User.objects.create_superuser("chief"))
clerk = User.objects.create_user("clerk", is_staff=True)
clerk.user_permissions.set(Permission.objects.filter(codename="view_usagerecord"))
signed_in(clerk)
signed_in(User.objects.create_user("idler", is_staff=True))
signed_in(User.objects.create_user("carol"))
"""


def people(printed):
    """The session of each person, by name, from what SIGN_IN printed."""
    return dict(line.split() for line in printed.strip().splitlines())


class Socket:
    """One browser's end: keeps every frame, and says that it has seen each unless it is `silent`."""

    def __init__(self, websocket, silent):
        self.websocket = websocket
        self.silent = silent
        self.frames = []
        self.code = None

    def read(self, seconds=0.05):
        """The next frame, None when none comes in time or the socket has closed."""
        try:
            frame = json.loads(self.websocket.recv(seconds))
        except TimeoutError:
            return None
        except ConnectionClosed:
            self.code = self.websocket.close_code
            return None
        self.frames.append(frame)
        if not self.silent:
            self.say(str(frame["frame"]))
        return frame

    def say(self, message):
        with suppress(ConnectionClosed):
            self.websocket.send(message)

    def until(self, holds, seconds=8.0):
        """Read until `holds(frame)` for a frame that came; that frame."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.code is None:
            frame = self.read(0.3)
            if frame is not None and holds(frame):
                return frame
        last = self.frames[-1] if self.frames else None
        raise AssertionError(f"it did not come; closed with {self.code}, last frame {last}")

    def until_closed(self, seconds=8.0):
        """Read until the socket closes; the seconds it took."""
        began = time.monotonic()
        while self.code is None:
            assert time.monotonic() - began < seconds, "it stays open"
            self.read(0.3)
        return time.monotonic() - began

    @property
    def ended(self):
        """Every request that was told to have ended."""
        return [request for frame in self.frames for request in frame["ended"]]


@contextmanager
def watching(url, session, after="", origin=None, silent=False):
    address = url.replace("http://", "ws://") + "/admin/live/feed" + (f"?after={after}" if after else "")
    headers = {"Cookie": f"sessionid={session}"} if session else {}
    with connect(address, additional_headers=headers, origin=origin or url, proxy=None) as websocket:
        yield Socket(websocket, silent)


def sign_out(url, session):
    """As the admin's button does."""
    with httpx.Client(base_url=url, cookies={"sessionid": session}, trust_env=False) as browser:
        browser.get("/admin/")
        headers = {"X-CSRFToken": browser.cookies["csrftoken"], "Origin": url}
        assert browser.post("/admin/logout/", headers=headers).status_code in (200, 302)
