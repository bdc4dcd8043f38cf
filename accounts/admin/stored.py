"""What is stored for whom and until when; what it says is for its owner alone."""

from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.contrib import admin

from accounts.admin.base import ModelAdmin
from accounts.models import Conversation, StoredResponse

Row = TypeVar("Row", StoredResponse, Conversation)


class _StoredAdmin(ModelAdmin[Row]):
    """Rows that may be deleted, as they are with their user, and not changed."""

    list_select_related = ("user",)
    search_fields = ("=id", "=user__username")
    search_help_text = "A whole id or user name"
    show_full_result_count = False

    def has_add_permission(self, request: object) -> bool:
        """The Responses API adds them."""
        return False


@admin.register(StoredResponse)
class StoredResponseAdmin(_StoredAdmin[StoredResponse]):
    """The stored responses of all users."""

    when_empty = "Responses are stored when a request to /v1/responses asks for it."
    secret_fields = ("sealed",)
    fields = readonly_fields = list_display = ("id", "user", "created", "expires", "status", "size")
    list_filter = ("status",)

    @admin.display(description="deleted after")
    def expires(self, row: StoredResponse) -> datetime:
        """When its days are over."""
        return row.created + timedelta(days=settings.STORED_DAYS)


@admin.register(Conversation)
class ConversationAdmin(_StoredAdmin[Conversation]):
    """The conversations of all users."""

    when_empty = "Conversations begin by POST /v1/conversations."
    secret_fields = ("metadata",)
    fields = readonly_fields = list_display = ("id", "user", "created", "used", "expires", "size")

    @admin.display(description="deleted after")
    def expires(self, row: Conversation) -> datetime:
        """When its days are over, unless something is added to it."""
        return row.used + timedelta(days=settings.STORED_DAYS)
