"""docs/settings.md and the code name the same variables with the same defaults."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
READERS = {"env_str", "env_choice", "env_level", "env_bool", "env_int", "env_float", "env_list", "env_secret"}
# Read by other rules than settings: the variables of Python, Django and systemd.
NOT_SETTINGS = {"DJANGO_SETTINGS_MODULE", "PYTHONPATH", "LISTEN_PID", "LISTEN_FDS"}


def documented():
    rows = re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \| (.+?) \| .+ \|$", (ROOT / "docs/settings.md").read_text(), re.M)
    return dict(rows)


def constant(node):
    try:
        return ast.literal_eval(node)
    except ValueError:
        return eval(ast.unparse(node)) if isinstance(node, ast.BinOp) else None  # 20 * 1024 * 1024


def readings(path):
    """(variable, default) of each reading in one module; a default that is computed is None."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func)
            if called in READERS or called == "os.environ.get":
                usual = {"env_bool": False}.get(called, "")
                yield node.args[0].value, constant(node.args[1]) if len(node.args) > 1 else usual
        elif isinstance(node, ast.Subscript) and re.match(r"os\.environ\['\w+'\]$", ast.unparse(node)):
            yield node.slice.value, None


def read_in_settings():
    return dict(readings(ROOT / "tumbler_site/settings.py"))


def read_anywhere():
    modules = [path for app in ("tumbler_site", "compat", "accounts") for path in (ROOT / app).rglob("*.py")]
    return {name for path in modules for name, _ in readings(path)} - NOT_SETTINGS


def test_every_variable_that_the_code_reads_is_on_the_page():
    assert len(read_in_settings()) > 25, "the parser of this test finds the readings"
    missing = (set(read_in_settings()) | read_anywhere()) - NOT_SETTINGS - set(documented())
    assert not missing


def test_every_variable_on_the_page_is_read_somewhere():
    read = read_anywhere()
    elsewhere = "".join(
        path.read_text()
        for folder, pattern in (("scripts", "*"), ("tests", "**/*.py"), ("tumbler_site/serving", "*.py"))
        for path in (ROOT / folder).glob(pattern)
        if path.is_file() and path != Path(__file__)
    )
    unread = {name for name in documented() if name not in read and name not in elsewhere}
    # The tests of the data layer on other databases come with them.
    assert unread <= {"TEST_DATABASE_URL", "TEST_REDIS_URL"}


@pytest.mark.parametrize(("name", "default"), read_in_settings().items())
def test_the_default_on_the_page_is_the_one_in_the_code(name, default):
    shown = documented()[name].strip("`")
    match default:
        case None:
            assert shown, "a computed default is described in words"
        case bool():
            assert shown == str(int(default))
        case list():
            assert shown == ",".join(default)
        case "":
            assert shown in {"–", "generated", "derived from the secret key"}
        case _:
            assert shown == str(default)


@pytest.mark.parametrize(
    "name",
    [name for name in read_in_settings() if f'env_secret("{name}")' in (ROOT / "tumbler_site/settings.py").read_text()],
)
def test_the_page_says_which_variables_may_be_a_file(name):
    row = re.search(rf"^\| `{name}` \|.*$", (ROOT / "docs/settings.md").read_text(), re.M)[0]
    assert "Or a file." in row
