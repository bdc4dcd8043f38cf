"""A small OpenID Connect provider: authorization code with PKCE, ID token, user info. It knows one person, `person`."""

import base64
import hashlib
import json
import secrets
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt

CLIENT, SECRET = "tumbler", "fake-secret-of-a-client-at-an-identity-provider"


class IdentityProvider(ThreadingHTTPServer):
    """`person` are the claims about whoever signs in, `audience` is whom its ID tokens are for.

    `denies` is the error with which it sends people back; while it is `away` it has nothing but errors.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.forget()

    def forget(self):
        """As it was at first."""
        self.person = {"sub": "number-1", "email": "emmy@example.org", "email_verified": True, "name": "Emmy"}
        self.audience, self.denies, self.away = CLIENT, "", False
        self.codes, self.tokens = {}, set()

    # Each route gives a status and a JSON body; /authorize gives the place to go to.

    def configuration(self):
        return 503 if self.away else 200, {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        }

    def authorize(self, asked):
        """RFC 6749, 4.1.1 and RFC 7636, 4.3: a code for one use, bound to the challenge."""
        told = {"state": asked["state"]}
        if self.denies:
            told["error"] = self.denies
        else:
            assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
            assert asked["code_challenge_method"] == "S256" and "openid" in asked["scope"].split()
            told["code"] = secrets.token_urlsafe()
            self.codes[told["code"]] = (asked["code_challenge"], asked["redirect_uri"])
        return f"{asked['redirect_uri']}?{urlencode(told)}"

    def token(self, sent):
        """RFC 6749, 4.1.3 and RFC 7636, 4.6: only for who began, and once."""
        challenge, redirect_uri = self.codes.pop(sent.get("code"), (None, None))
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        proven = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
        known = (sent.get("client_id"), sent.get("client_secret")) == (CLIENT, SECRET)
        if not (proven and known and sent.get("redirect_uri") == redirect_uri):
            return 400, {"error": "invalid_grant"}
        access = secrets.token_urlsafe()
        self.tokens.add(access)
        now = int(time.time())
        claims = {"iss": self.url, "aud": self.audience, "iat": now, "exp": now + 300, **self.person}
        identity = jwt.encode(claims, SECRET, "HS256")
        return 200, {"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": identity}

    def userinfo(self, access):
        return (200, self.person) if access in self.tokens else (401, {"error": "invalid_token"})


class _Handler(BaseHTTPRequestHandler):
    server: IdentityProvider

    def do_GET(self):
        parts = urlsplit(self.path)
        if parts.path == "/.well-known/openid-configuration":
            self._answer(*self.server.configuration())
        elif parts.path == "/authorize":
            self._answer(302, {}, Location=self.server.authorize(dict(parse_qsl(parts.query))))
        elif parts.path == "/userinfo":
            self._answer(*self.server.userinfo(self.headers.get("Authorization", "").removeprefix("Bearer ")))
        else:
            self._answer(404, {})

    def do_POST(self):
        sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self._answer(*self.server.token({name: values[0] for name, values in sent.items()}))

    def _answer(self, status, body, **headers):
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *words):
        """Nothing."""


@contextmanager
def serving():
    """A running one."""
    with IdentityProvider() as provider:
        thread = threading.Thread(target=provider.serve_forever, args=(0.05,))
        thread.start()
        yield provider
        provider.shutdown()
        thread.join()
