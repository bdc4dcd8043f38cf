"""Logins by other services: each is there when its variables are set."""

from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from tumbler_site.env import env_secret, env_str


def login_services() -> tuple[list[str], dict[str, Any], list[str]]:
    """The apps of django-allauth that are needed, SOCIALACCOUNT_PROVIDERS, and the origins that a login leads to."""
    google = _client("GOOGLE", env_str("TUMBLER_GOOGLE_CLIENT_ID"), env_secret("TUMBLER_GOOGLE_CLIENT_SECRET"))
    github = _client("GITHUB", env_str("TUMBLER_GITHUB_CLIENT_ID"), env_secret("TUMBLER_GITHUB_CLIENT_SECRET"))
    oidc = _client("OIDC", env_str("TUMBLER_OIDC_CLIENT_ID"), env_secret("TUMBLER_OIDC_CLIENT_SECRET"))
    found: list[tuple[str, dict[str, Any], str]] = []
    if google:
        found.append(("google", google, "https://accounts.google.com"))
    if github:
        found.append(("github", github, "https://github.com"))
    if oidc:
        server, name = env_str("TUMBLER_OIDC_URL"), env_str("TUMBLER_OIDC_NAME", "OpenID Connect")
        named = {**oidc, "provider_id": "oidc", "name": name, "settings": {"server_url": server}}
        found.append(("openid_connect", named, _origin(server)))
    return (
        [f"allauth.socialaccount.providers.{provider}" for provider, _app, _place in found],
        {provider: {"APPS": [app], "OAUTH_PKCE_ENABLED": True} for provider, app, _place in found},
        [place for _provider, _app, place in found],
    )


def _client(service: str, client_id: str, secret: str) -> dict[str, str] | None:
    """The client of ours that the service knows, None when it is not set up."""
    if bool(client_id) != bool(secret):
        raise ImproperlyConfigured(
            f"TUMBLER_{service}_CLIENT_ID and TUMBLER_{service}_CLIENT_SECRET are set together or not at all."
        )
    return {"client_id": client_id, "secret": secret} if client_id else None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.netloc:
        raise ImproperlyConfigured("TUMBLER_OIDC_URL must be the address of an OpenID Connect server.")
    return f"{parts.scheme}://{parts.netloc}"
