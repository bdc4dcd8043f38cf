"""The accounts app."""

from django.apps import AppConfig
from django.db.models.signals import post_delete, post_save


class AccountsConfig(AppConfig):
    """Users, issued tokens, contributed keys and usage."""

    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """Let a change of a user, plan or token take effect in this process at once."""
        from accounts.imports import load_sparingly

        load_sparingly()
        from accounts import checks, pricing  # noqa: F401 (checks register themselves)
        from accounts.callers import forget_changed

        for model in ("User", "Plan", "IssuedToken"):
            for signal in (post_save, post_delete):
                signal.connect(forget_changed, sender=self.get_model(model), dispatch_uid=f"forget callers: {model}")
        for signal in (post_save, post_delete):
            signal.connect(pricing.forget, sender=self.get_model("ModelPrice"), dispatch_uid="forget prices")
