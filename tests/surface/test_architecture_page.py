"""docs/architecture.md names modules that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def named():
    """Every path in back quotes, and every file or folder of the tree, below its app."""
    yield from re.findall(r"`([\w/.]+(?:\.py|/))`", PAGE)
    app = ""
    for line in re.search(r"```\n(.*?)```", PAGE, re.DOTALL)[1].splitlines():
        names = re.findall(
            r"[\w.]+(?:\.py|/)(?=\s|$)", re.split(r" {3,}", line.strip())[0] if line.startswith("  ") else line
        )
        if not line.startswith(" ") and names:
            app = names[0]
            yield app
        elif line.startswith("  ") and not line.startswith("    "):
            yield from (app + name for name in names)


def exists(path):
    places = (ROOT, ROOT / "compat", ROOT / "compat/translation", ROOT / "tumbler_site")
    return any((place / path).exists() for place in places) or any((ROOT / "compat").rglob(path))


def test_every_module_on_the_page_is_there():
    paths = set(named())
    assert len(paths) > 30, "the parser of this test finds the names"
    assert {path for path in paths if not exists(path)} == set()
