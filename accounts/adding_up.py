"""Rows that add up: SQL that inserts a row, or adds to the one of its key. Django's ORM would ask three times for each.

Every name in a statement is the model's own, every value a parameter. SQLite and PostgreSQL read them alike.
"""

from functools import cache

from django.db import models


@cache
def insertion(model: type[models.Model], columns: tuple[str, ...]) -> str:
    """INSERT of one row of `model`, its values in the order of `columns`."""
    names = ", ".join(f'"{name}"' for name in columns)
    places = ", ".join(["%s"] * len(columns))
    return f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({places})'  # noqa: S608


@cache
def addition(
    model: type[models.Model],
    columns: tuple[str, ...],
    key: tuple[str, ...],
    sums: tuple[str, ...],
    latest: tuple[str, ...] = (),
) -> str:
    """The same; where there is a row of that `key`, its `sums` grow by the values and its `latest` become the values."""
    table = model._meta.db_table
    names = ", ".join(f'"{name}"' for name in key)
    added = [f'"{name}" = "{table}"."{name}" + excluded."{name}"' for name in sums]
    replaced = [f'"{name}" = excluded."{name}"' for name in latest]
    return f"{insertion(model, columns)} ON CONFLICT ({names}) DO UPDATE SET {', '.join(added + replaced)}"
