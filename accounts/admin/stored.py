"""What is stored for whom and until when; what it says is for its owner alone."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib import admin

from accounts.admin.base import ModelAdmin
from accounts.models import StoredResponse


@admin.register(StoredResponse)
class StoredResponseAdmin(ModelAdmin[StoredResponse]):
    """The stored responses of all users. They may be deleted, as they are with their user, and not changed."""

    secret_fields = ("sealed",)
    list_display = ("id", "user", "created", "expires", "status", "size")
    fields = readonly_fields = ("id", "user", "created", "expires", "status", "size")
    list_filter = ("status",)
    list_select_related = ("user",)
    search_fields = ("=id", "=user__username")
    show_full_result_count = False

    def has_add_permission(self, request: object) -> bool:
        """The Responses API adds them."""
        return False

    @admin.display(description="deleted after")
    def expires(self, row: StoredResponse) -> datetime:
        """When its days are over."""
        return row.created + timedelta(days=settings.STORED_DAYS)
