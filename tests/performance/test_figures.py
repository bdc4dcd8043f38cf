"""What the benchmark computes: medians, ratios, goals, tables and pictures."""

import json
from xml.etree import ElementTree

import pytest

from benchmarks.measuring import report
from benchmarks.measuring.figures import Figures, difference_of, median_of, percentile, ratio_of, slope_of, spread_of
from benchmarks.measuring.goals import GOALS, Goal, judged
from benchmarks.measuring.pictures import draw_all, drawn, shown

ROUNDS = {
    "whole_32": {"uvicorn": [100.0, 90.0, 300.0], "floor-uvicorn": [200.0, 300.0, 400.0], "litellm": [5.0, 4.0]},
    "first_chunk": {"uvicorn": [1.5, 2.0, 9.0], "floor-uvicorn": [1.0, 1.0, 1.0]},
    "slope": {"uvicorn": [-7.0]},
}


def test_a_ratio_is_taken_round_by_round_and_then_the_median():
    assert ratio_of(ROUNDS, "whole_32", "uvicorn", "floor-uvicorn") == 0.5
    assert ratio_of(ROUNDS, "whole_32", "uvicorn", "litellm") == pytest.approx((20 + 22.5) / 2)
    assert difference_of(ROUNDS, "first_chunk", "uvicorn", "floor-uvicorn") == 1.0


def test_what_was_not_measured_has_no_figure():
    assert median_of(ROUNDS, "peak", "uvicorn") is None
    assert ratio_of(ROUNDS, "whole_32", "uvicorn", "portkey") is None
    assert difference_of(ROUNDS, "whole_32", "portkey", "uvicorn") is None
    assert ratio_of({"whole_32": {"uvicorn": [1.0], "litellm": [0.0]}}, "whole_32", "uvicorn", "litellm") is None


def test_the_spread_is_half_of_what_lies_between_least_and_greatest():
    assert spread_of([90.0, 100.0, 120.0]) == pytest.approx(0.15)
    assert spread_of([0.0, 0.0]) == 0


def test_a_percentile_is_a_value_that_was_seen():
    values = [float(value) for value in range(100, 0, -1)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([7.0], 0.99)) == (51, 100, 7)


def test_a_slope_is_what_grows_from_the_first_sample_to_the_last():
    assert slope_of([(10.0, 3.0), (20.0, 5.0), (30.0, 7.0)]) == pytest.approx(4)
    assert slope_of([(0.0, 5.0), (1.0, 6.0), (2.0, 5.0)]) == pytest.approx(0)


@pytest.mark.parametrize(
    ("sign", "limit", "met"), [("≥", 0.5, True), ("≥", 0.51, False), ("≤", 0.5, True), ("≤", 0.49, False)]
)
def test_a_goal_is_met_at_its_limit(sign, limit, met):
    (verdict,) = judged(ROUNDS, [Goal("whole_32", "uvicorn", sign, limit, "floor-uvicorn")])
    assert (verdict.reached, verdict.met) == (0.5, met)


def test_memory_that_shrinks_too_much_is_no_steady_memory():
    (verdict,) = judged(ROUNDS, [goal for goal in GOALS if goal.figure == "slope"])
    assert (verdict.goal.contender, verdict.met) == ("uvicorn", False)


def test_only_goals_whose_figures_are_there_are_judged_and_each_says_what_it_wants():
    said = report.goals_table(ROUNDS)
    assert "Gemini Tumbler on uvicorn: 32 connections ≥ 0.5 × floor on uvicorn" in said
    assert "≤ floor on uvicorn + 1 ms" in said
    assert "Portkey" not in said
    assert [line.split("|")[-2].strip() for line in said.splitlines()[2:]] == ["met", "met", "met", "NOT MET"]
    assert report.goals_table({}) == ""


def test_the_table_has_medians_with_their_spread_and_the_contenders_in_order():
    lines = report.figures_table(ROUNDS, ["whole_32", "first_chunk"]).splitlines()
    assert "32 connections, requests/s" in lines[0]
    assert [line.split("|")[1].strip() for line in lines[2:]] == [
        "floor on uvicorn",
        "Gemini Tumbler on uvicorn",
        "LiteLLM",
    ]
    assert "100 ± 105%" in lines[3]
    assert lines[4].split("|")[3].strip() == "–"


def test_questions_asked_apart_end_in_one_file(tmp_path):
    path = tmp_path / "results" / "day.json"
    report.keep(path, "overhead", {"figures": {"whole_32": {"uvicorn": [1.0]}}})
    report.keep(path, "overhead", {"figures": {"whole_32": {"uvicorn": [2.0]}}})
    kept = report.keep(path, "streams", {"figures": {"chunks": {"daphne": [3.0]}}})
    assert json.loads(path.read_text()) == kept
    assert report.all_rounds(kept) == {"whole_32": {"uvicorn": [2.0]}, "chunks": {"daphne": [3.0]}}


def test_the_newest_figures_of_each_question_are_taken_from_the_day_it_was_asked_last(tmp_path):
    report.keep(tmp_path / "2026-11-29.json", "overhead", {"figures": {}, "at": "old"})
    report.keep(tmp_path / "2026-11-29.json", "scale", {"figures": {}, "at": "older"})
    report.keep(tmp_path / "2026-12-01.json", "scale", {"figures": {}, "at": "new"})
    questions = report.newest(tmp_path)["questions"]
    assert {name: question["at"] for name, question in questions.items()} == {"overhead": "old", "scale": "new"}


def kept():
    streams = {"streams_32": {"uvicorn": [333.0]}, "crowd_chunks": {"uvicorn": [20_000.0]}}
    about = {
        "at": "2026-11-22T10:00:00+0000",
        "machine": {"cores": "2"},
        "errors": {"uvicorn": 0},
        "notes": ["A note."],
    }
    questions = {"overhead": {"figures": {"whole_32": ROUNDS["whole_32"]}}, "streams": {"figures": streams}}
    return {"questions": {name: each | about for name, each in questions.items()}}


def test_the_document_has_every_question_with_its_tables_and_says_in_plain_words_what_one_core_serves():
    text = report.document(kept())
    assert "Gemini Tumbler on uvicorn: 50 whole chats a second, or 170 streamed chats" in text
    assert "or 2,500 streams open at once" in text
    for part in (
        "### Goals",
        "### overhead",
        "### streams",
        "2026-11-22, 3 rounds; cores 2.",
        "- A note.",
        "Wrong answers: 0.",
    ):
        assert part in text
    assert "floor on uvicorn" in text.partition("### overhead")[2]


def test_the_document_is_put_between_two_marks_of_a_page_and_nowhere_else(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report._BEGIN}\nold\n{report._END}\nafter\n")
    report.write_into(page, "new")
    report.write_into(page, "newer")
    assert page.read_text() == f"before\n{report._BEGIN}\n\nnewer\n\n{report._END}\nafter\n"
    page.write_text("no marks")
    with pytest.raises(ValueError, match="marks"):
        report.write_into(page, "new")


def test_a_figure_without_a_name_is_refused():
    with pytest.raises(AssertionError):
        Figures().add("speed", "uvicorn", 1.0)


def test_a_picture_is_sound_svg_whose_bars_are_as_long_as_their_values():
    svg = drawn("Answers & more", [("floor-uvicorn", 4000.0), ("uvicorn", 2000.0), ("litellm", 40.0)], 0)
    root = ElementTree.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    bars = root.findall(f"{space}rect")
    widths = [float(bar.attrib["width"]) for bar in bars]
    assert widths[1] == pytest.approx(widths[0] / 2)
    assert [bar.attrib["class"] for bar in bars] == ["floor", "ours", "other"]
    assert root.find(f"{space}title").text == "Answers & more"
    assert "LiteLLM 40" in root.find(f"{space}desc").text
    assert "prefers-color-scheme: dark" in root.find(f"{space}style").text
    right = max(float(text.attrib["x"]) for text in root.findall(f"{space}text"))
    assert right + 60 <= float(root.attrib["viewBox"].split()[2])


def test_the_page_shows_the_pictures_that_are_drawn(tmp_path):
    draw_all(ROUNDS, tmp_path)
    names = [path.name for path in tmp_path.iterdir()]
    assert names == ["benchmark-requests.svg"]
    assert shown(ROUNDS) == f"![Whole answers a second, one core, 32 connections](images/{names[0]})"
