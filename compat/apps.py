"""The compat app."""

from django.apps import AppConfig


class CompatConfig(AppConfig):
    """OpenAI's API and the model mappings."""

    name = "compat"
    verbose_name = "OpenAI API"
