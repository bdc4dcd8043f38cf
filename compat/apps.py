"""The compat app."""

from django.apps import AppConfig


class CompatConfig(AppConfig):
    """OpenAI's API and the model mappings."""

    name = "compat"
    verbose_name = "OpenAI API"

    def ready(self) -> None:
        """Register the system checks and who checks keys; read the mappings anew at once when they change in this process."""
        from django.db.models.signals import post_delete, post_save

        from accounts import contributing
        from compat import checks, key_checks, mapping, models

        assert checks  # noqa: S101 (imported for what it registers)
        contributing.key_checker = key_checks.check_keys

        for signal in (post_save, post_delete):
            for model in (models.ModelMapping, models.MappingTarget):
                signal.connect(mapping.forget_mappings, sender=model)
