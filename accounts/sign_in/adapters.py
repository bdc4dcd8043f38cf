"""Where django-allauth asks this site: who may sign up, where a request comes from, where one may be sent, how secrets lie."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.addresses import client_address
from accounts.sealing import seal_text, unseal_text

_EMAIL_STAGE = "allauth.account.stages.EmailVerificationStage"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts with a password."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """By invitation the form is open, and wants the code of one (forms.SignupForm)."""
        return bool(settings.SIGN_UP != "closed")

    def is_safe_url(self, url: str | None) -> bool:
        """True of a page of this very host. Other names of ours, in ALLOWED_HOSTS, may be served by others."""
        request = context.request
        return url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())

    def get_client_ip(self, request: HttpRequest) -> str:
        """Whom failures are counted for; as everywhere, a client's own X-Forwarded-For is not believed."""
        forwarded = request.headers.get("X-Forwarded-For")
        address = client_address(request.META.get("REMOTE_ADDR", ""), [forwarded] if forwarded else [])
        return str(address or "unknown")

    def get_login_stages(self) -> list[str]:
        """The e-mail address of an account that the operator made is not checked (stages.EmailVerificationStage)."""
        stages: list[str] = super().get_login_stages()
        return ["accounts.sign_in.stages.EmailVerificationStage" if path == _EMAIL_STAGE else path for path in stages]

    def get_from_email(self) -> str:
        """The sender of every mail."""
        return str(settings.DEFAULT_FROM_EMAIL)

    def format_email_subject(self, subject: str) -> str:
        """The subject, with the name of the site before it."""
        return f"[Gemini Tumbler] {subject}"


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Accounts of Google, GitHub and the like."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """A stranger may come in by them where anybody may sign up; others connect one to the account that they have."""
        return bool(settings.SIGN_UP == "open")


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors."""

    def encrypt(self, text: str) -> str:
        """The secret of an authenticator app or the seed of recovery codes, sealed as contributed keys are."""
        return seal_text(text)

    def decrypt(self, encrypted_text: str) -> str:
        """The same in plain text. Raises sealing.Unsealable."""
        return unseal_text(encrypted_text).reveal()

    def get_totp_issuer(self) -> str:
        """What an authenticator app calls this site."""
        return f"Gemini Tumbler ({super().get_totp_issuer()})"
