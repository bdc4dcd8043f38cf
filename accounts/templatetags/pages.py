"""What the templates of the pages say often: pictures, counts, money."""

from decimal import Decimal

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

_SMALL = Decimal("0.01")


@register.simple_tag
def icon(name: str) -> SafeString:
    """A picture of static/pages/icons.svg; the words beside it say what it means."""
    return format_html(
        '<svg class="icon" aria-hidden="true" width="20" height="20"><use href="{}#{}"></use></svg>',
        static("pages/icons.svg"),
        name,
    )


@register.filter
def count(number: int | None) -> str:
    """1234567 as “1,234,567”."""
    return "" if number is None else f"{number:,}"


@register.filter
def duration(ms: int) -> str:
    """Milliseconds as a person reads them: 40 ms, 1.25 s, 2 min 5 s."""
    if ms < 1000:
        return f"{ms} ms"
    if ms < 60_000:
        return f"{ms / 1000:.3g} s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes} min {seconds} s"


@register.filter
def dollars(amount: Decimal | None) -> str:
    """USD: two places, and of less than a cent two that tell something."""
    if amount is None:
        return ""
    if 0 < amount < _SMALL:
        return f"${Decimal(f'{amount:.1e}').normalize():f}" if amount >= Decimal("0.000001") else "<$0.000001"
    return f"${amount:,.2f}"
