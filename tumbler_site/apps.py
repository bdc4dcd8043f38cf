"""The site as an app: it holds the commands that need every other part."""

from django.apps import AppConfig


class TumblerSiteConfig(AppConfig):
    """serve, bootstrap and the system checks of the settings."""

    name = "tumbler_site"
    verbose_name = "Gemini Tumbler"

    def ready(self) -> None:
        """Register the system checks."""
        from tumbler_site import checks  # noqa: F401
