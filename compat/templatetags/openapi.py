"""What the API page says often."""

import re

from django import template
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

_CODE = re.compile(r"`([^`]+)`")
_EMPHASIS = re.compile(r"\*([^*]+)\*")


@register.filter
def in_code(text: str) -> SafeString:
    """The text with what stands in backticks as code, and in asterisks as emphasis; nothing else of it is markup."""
    safe = _EMPHASIS.sub(r"<em>\1</em>", _CODE.sub(r"<code>\1</code>", conditional_escape(text)))
    return mark_safe(safe)  # noqa: S308 (escaped above)
