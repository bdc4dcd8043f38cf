"""The query of a request's address, as the routes that list something read it."""

from typing import Any
from urllib.parse import parse_qs

from rest_framework.request import Request

from accounts.paging import Page
from compat.errors import InvalidRequest


def query_of(request: Request) -> dict[str, str]:
    """The parameters, the last of each name."""
    return query_in(request.scope)  # type: ignore[attr-defined]


def query_in(scope: dict[str, Any]) -> dict[str, str]:
    """The same of an ASGI scope."""
    query: bytes = scope["query_string"]
    return {name: values[-1] for name, values in parse_qs(query.decode("latin-1")).items()}


def list_in(request: Request, name: str) -> list[str]:
    """All values of a parameter that may come several times, under its name or as the SDKs send lists (`name[]`)."""
    query: bytes = request.scope["query_string"]  # type: ignore[attr-defined]
    found = parse_qs(query.decode("latin-1"))
    return [*found.get(name, ()), *found.get(f"{name}[]", ())]


def number_in(query: dict[str, str], name: str, usual: int, least: int, most: int) -> int:
    """A whole number within bounds. Raises InvalidRequest."""
    given = query.get(name, str(usual))
    if not (given.isascii() and given.isdigit() and len(given) < 19 and least <= int(given) <= most):
        raise InvalidRequest(
            f"Invalid '{name}': expected a number from {least} to {most}.", param=name, code="invalid_value"
        )
    return int(given)


def page_in(query: dict[str, str], *, usual: int, most: int) -> Page:
    """Which page of a list is wanted: `limit`, `after`, `order`. Raises InvalidRequest."""
    order = query.get("order", "desc")
    if order not in {"asc", "desc"}:
        raise InvalidRequest("Invalid 'order': expected asc or desc.", param="order", code="invalid_value")
    return Page(number_in(query, "limit", usual, 1, most), query.get("after", ""), newest_first=order == "desc")
