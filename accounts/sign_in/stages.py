"""The steps of a login."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.stages import EmailVerificationStage as TheirEmailVerificationStage


class EmailVerificationStage(TheirEmailVerificationStage):  # type: ignore[misc]
    """Whoever signed up proves the address first. An account that the operator made may have none, and is trusted."""

    def handle(self) -> tuple[Any, bool]:
        """The answer that stops the login here, or None, and whether it goes on."""
        user = self.login.user  # None where a sign-up is only acted, because the address has an account.
        if user is not None and not EmailAddress.objects.filter(user=user).exists():
            return None, True
        answer: tuple[Any, bool] = super().handle()
        return answer
