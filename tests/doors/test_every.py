"""No door is forgotten."""

from collections.abc import Iterator

from compat import urls  # noqa: F401 (it knows every view)
from compat.views.answering import AnsweringView
from tests.doors.every import DOORS


def _kinds(view: type[AnsweringView]) -> Iterator[type[AnsweringView]]:
    yield view
    for kind in view.__subclasses__():
        yield from _kinds(kind)


def test_every_view_that_asks_gemini_is_a_door() -> None:
    assert {door.name for door in DOORS} == {view.endpoint for view in _kinds(AnsweringView)} - {""}
