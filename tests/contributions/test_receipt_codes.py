import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.contributions.receipt import digest_of, new_code, read_code
from accounts.redaction import redact


def test_a_code_has_nine_groups_and_is_read_as_it_was_shown():
    code = new_code()
    assert code.startswith("tumbler-receipt-")
    assert len(code.removeprefix("tumbler-receipt-").split("-")) == 9
    assert read_code(code) == code


def test_two_codes_are_never_alike():
    assert len({new_code() for _ in range(200)}) == 200


@pytest.mark.parametrize(
    "typed",
    [
        str.lower,
        str.upper,
        lambda code: code.replace("-", " "),
        lambda code: code.replace("-", "").replace("tumblerreceipt", "tumbler-receipt-"),
        lambda code: f"  {code}\n",
        lambda code: code.removeprefix("tumbler-receipt-"),
        lambda code: code[:16] + code[16:].replace("0", "O").replace("1", "l"),
    ],
)
def test_a_code_is_read_however_it_was_typed(typed):
    for _ in range(20):
        code = new_code()
        assert read_code(typed(code)) == code


@given(place=st.integers(16, 59), other=st.sampled_from("23456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_one_wrong_character_is_noticed(place, other):
    code = "tumbler-receipt-794A-5C7N-K91W-JZGN-7GDH-PB2E-2PM6-5HX5-QQ19"
    wrong = code[:place] + other + code[place + 1 :]
    assert read_code(wrong) == (code if wrong == code else "")


@pytest.mark.parametrize("text", ["", "tumbler-receipt-", "x" * 5000, "tumbler-receipt-" + "0" * 36, "\0", "тumbler"])
def test_what_is_no_code_is_read_as_none(text):
    assert read_code(text) == ""


def test_the_digest_needs_the_sites_secret(settings):
    code = new_code()
    before = digest_of(code)
    settings.RECEIPT_KEY = "another"
    assert digest_of(code) != before


def test_a_code_is_masked_in_logs():
    code = new_code()
    assert code[16:30] not in redact(f"POST /contribute/receipt/{code} failed")
    assert code.lower()[16:30] not in redact(f"POST /contribute/receipt/{code.lower()} failed")
