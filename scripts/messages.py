"""The texts of the pages in other languages: gathers what the sources say into the .po file and compiles it to .mo.

Usage: .venv/bin/python scripts/messages.py
Then write the missing translations into locale/zh_Hans/LC_MESSAGES/django.po and run it once more. It needs no gettext
on the machine, and after a merge conflict in the .mo file it makes that anew. tests/pages/test_texts.py holds all together.
"""

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from accounts import privacy  # noqa: E402

APPS = ("accounts", "compat", "tumbler_site")
# Templates of the admin that stand for others: their texts are translated where those come from.
THEIRS = ("templates/admin/", "templates/unfold/")
LANGUAGE = "zh_Hans"
PO = ROOT / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po"
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
# A file that changes with nothing but its texts: no dates, no places in the sources.
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def said() -> Iterator[tuple[str | tuple[str, ...], str | None]]:
    """(message or singular and plural, context) of every text in the sources that is to be translated."""
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            yield from _of_python(path.read_text())
        for path in sorted((ROOT / app).rglob("*.html")):
            if any(theirs in path.as_posix() for theirs in THEIRS):
                continue
            # Indentation means nothing in a template, and everything to Python's tokens.
            lines = templatize(path.read_text(), origin=str(path)).splitlines()
            yield from _of_python("\n".join(line.lstrip() for line in lines))
    for row in privacy.KEPT:
        yield from ((text, None) for text in row.told)


def _of_python(source: str) -> Iterator[tuple[str | tuple[str, ...], str | None]]:
    for _line, message, _comments, context in extract("python", io.BytesIO(source.encode()), KEYWORDS):
        yield message, context


def known() -> Catalog:
    """The .po file as it is."""
    return read_po(io.BytesIO(PO.read_bytes()), locale=LANGUAGE) if PO.exists() else Catalog(locale=LANGUAGE)


def gathered() -> Catalog:
    """What the sources say, with the translations that are known."""
    before = known()
    catalog = Catalog(
        locale=LANGUAGE,
        project="Gemini Tumbler",
        version="1",
        msgid_bugs_address="scripts/messages.py",
        last_translator="the project",
        language_team="the project",
        fuzzy=False,
        creation_date=_LONG_AGO,
        revision_date=_LONG_AGO,
        header_comment="# Made by scripts/messages.py: write translations here, and run it again.",
    )
    for message, context in said():
        old = before.get(message if isinstance(message, str) else message[0], context)
        catalog.add(message, old.string if old is not None else "", context=context, flags=old.flags if old else ())
    return catalog


def as_po(catalog: Catalog) -> bytes:
    """The text of the .po file."""
    text = io.BytesIO()
    write_po(text, catalog, width=0, no_location=True, sort_output=True)
    return text.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    """The compiled .mo file."""
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    return compiled.getvalue()


def missing(catalog: Catalog) -> list[str]:
    """The messages without a translation."""
    return [str(message.id) for message in catalog if message.id and not all(_texts(message.string))]


def _texts(string: str | tuple[str, ...]) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else string


if __name__ == "__main__":
    catalog = gathered()
    PO.parent.mkdir(parents=True, exist_ok=True)
    PO.write_bytes(as_po(catalog))
    PO.with_suffix(".mo").write_bytes(as_mo(known()))
    print(f"{len(catalog)} texts, {len(missing(catalog))} without a translation")
