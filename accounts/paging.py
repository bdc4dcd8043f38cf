"""Lists in pages, each behind the last row of the one before: nothing is left out or told twice while rows come and go."""

from typing import NamedTuple, TypeVar

from django.db.models import Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)


class Page(NamedTuple):
    """Which stretch of a list is asked for."""

    limit: int
    after: str = ""
    """The id of the last row before it; "": from the beginning."""
    newest_first: bool = True


def rows_of(rows: QuerySet[Row], page: Page) -> tuple[list[Row], bool]:
    """The rows of a page by their `created` and id, and whether more follow. Behind a row that is gone nothing is known."""
    side, order = ("lt", ("-created", "-pk")) if page.newest_first else ("gt", ("created", "pk"))
    if page.after:
        last = rows.filter(pk=page.after).values_list("created", flat=True).first()
        if last is None:
            return [], False
        rows = rows.filter(Q(**{f"created__{side}": last}) | Q(created=last, **{f"pk__{side}": page.after}))
    found = list(rows.order_by(*order)[: page.limit + 1])
    return found[: page.limit], len(found) > page.limit
