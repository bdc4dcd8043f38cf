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


def test_every_picture_is_shown_by_a_page():
    shown = {name for page in PAGES for name in re.findall(r"images/([\w-]+\.\w+)", page.read_text())}
    assert sorted({path.name for path in (ROOT / "docs/images").iterdir()} - shown) == []


@pytest.mark.parametrize("app", ["tumbler_site", "compat", "accounts"])
def test_the_tree_of_the_architecture_names_every_module(app):
    tree = (ROOT / "docs/architecture.md").read_text().split("```")[1]
    (part,) = re.findall(rf"^{app}/.*\n(?:  .*\n)*", tree, re.MULTILINE)
    named = set(re.findall(r"\w+\.py|\w+/", part))
    of_django = {"__init__.py", "apps.py", "migrations/", "static/", "templates/", "templatetags/", "management/"}
    there = {f"{path.name}/" if path.is_dir() else path.name for path in (ROOT / app).iterdir()} - {"__pycache__/"}
    assert sorted(there - named - of_django) == []


def test_every_scope_of_tokens_is_explained():
    (row,) = re.findall(r"^\| token \| `scopes`:.*", (ROOT / "docs/limits.md").read_text(), re.MULTILINE)
    assert [scope for scope in IssuedToken.Scope.values if f"`{scope}`" not in row] == []


def test_the_changelog_says_nothing_twice():
    lines = Counter(line for line in (ROOT / "docs/changelog.md").read_text().splitlines() if line.strip())
    assert [line for line, times in lines.items() if times > 1] == []
