"""The accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, issued tokens, contributed keys and usage."""

    name = "accounts"
    verbose_name = "Accounts"
