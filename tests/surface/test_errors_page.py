"""docs/errors.md and the errors of the code say the same."""

import ast
import re
from pathlib import Path

from compat import errors

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
ABSTRACT = {errors.CompatError, errors.Retryable}


def kinds(kind=errors.CompatError):
    """The errors of the OpenAI routes; pages may have more of their own."""
    children = (child for child in kind.__subclasses__() if child.__module__ == "compat.errors")
    return {kind, *(found for child in children for found in kinds(child))}


def test_every_error_is_on_the_page_as_it_is():
    rows = re.findall(r"^\| ([A-Z]\w+) \| (\d+) \| (\w+) \| (\w+) \|", PAGE, re.MULTILINE)
    expected = {(kind.__name__, str(kind.status), kind.type, kind.code or "null") for kind in kinds() - ABSTRACT}
    assert set(rows) == expected and len(rows) == len(expected)


def literal_codes(path):
    """The codes that a module raises errors with: third arguments of Untranslatable, and `code=`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        if ast.unparse(node.func) == "Untranslatable":
            given += node.args[2:3]
        yield from (value.value for value in given if isinstance(value, ast.Constant) and value.value)


def test_every_code_that_is_raised_is_on_the_page():
    codes = {
        code
        for folder in ("compat", "compat/translation")
        for path in (ROOT / folder).rglob("*.py")
        for code in literal_codes(path)
    }
    assert len(codes) > 12, "the parser of this test finds the codes"
    assert {code for code in codes if not re.search(rf"\b{code}\b", PAGE)} == set()
