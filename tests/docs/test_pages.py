"""The pages of docs/: what they link to is there, and no merge has doubled a line of the changelog."""

import re
from collections import Counter
from pathlib import Path

import pytest

from accounts.models import IssuedToken

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page):
    links = re.findall(r"\[[^\]]*\]\(([^)#]+)[^)]*\)", page.read_text())
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_every_scope_of_tokens_is_explained():
    (row,) = re.findall(r"^\| token \| `scopes`:.*", (ROOT / "docs/limits.md").read_text(), re.MULTILINE)
    assert [scope for scope in IssuedToken.Scope.values if f"`{scope}`" not in row] == []


def test_the_changelog_says_nothing_twice():
    lines = Counter(line for line in (ROOT / "docs/changelog.md").read_text().splitlines() if line.strip())
    assert [line for line, times in lines.items() if times > 1] == []
