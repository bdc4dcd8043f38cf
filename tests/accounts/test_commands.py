import io
import re
import time
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.callers import _find_caller
from accounts.contributing import contribute, disable_key
from accounts.issuing import looks_issued
from accounts.models import ContributedKey, IssuedToken, User
from accounts.rotation import rotate_sealing
from accounts.sealing import is_sealed_newest, unseal

pytestmark = pytest.mark.django_db
KEY = "fake-key-abcdefghijk-0001"


@pytest.fixture
def give(monkeypatch):
    """Put bytes on the command's standard input."""

    def put(content: bytes):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    return put


def test_issue_token_prints_a_working_token_and_nothing_else(capfd):
    call_command("issue_token", "ada")
    out, err = capfd.readouterr()
    text = out.removesuffix("\n")
    assert looks_issued(text) and err == ""
    assert _find_caller(text).username == "ada"
    token = IssuedToken.objects.get()
    assert not any(getattr(token, name) for name in ("rpm", "tpm", "rpd", "max_parallel", "monthly_tokens", "expires"))
    assert not User.objects.get().has_usable_password()


def test_issue_token_keeps_every_flag(capfd):
    call_command(
        *("issue_token", "ada", "--name=laptop", "--expires-in-days=1.5", "--models=gpt-4*, gemini-3.8-flash,"),
        *("--rpm=1", "--tpm=2", "--rpd=3", "--max-parallel=4", "--monthly-tokens=5000000000"),
    )
    token = IssuedToken.objects.get()
    assert (token.name, token.allowed_models) == ("laptop", ["gpt-4*", "gemini-3.8-flash"])
    assert (token.rpm, token.tpm, token.rpd, token.max_parallel, token.monthly_tokens) == (1, 2, 3, 4, 5 * 10**9)
    assert abs(token.expires - timezone.now() - timedelta(days=1.5)) < timedelta(minutes=1)


def test_issue_token_gives_a_known_user_a_second_token(capfd):
    call_command("issue_token", "ada")
    call_command("issue_token", "ada")
    assert (User.objects.count(), IssuedToken.objects.count()) == (1, 2)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["ada", "--rpm=0"], "--rpm"),
        (["ada", "--rpm=many"], "whole number"),
        (["ada", "--rpm=1" + "0" * 30], "rpm"),
        (["ada", "--monthly-tokens=-1"], "--monthly-tokens"),
        (["ada", "--expires-in-days=0"], "days"),
        (["ada", "--expires-in-days=nan"], "days"),
        (["ada", "--expires-in-days=1e300"], "days"),
        (["ada", "--name=" + "n" * 101], "name"),
        (["ada", "--models=" + "m" * 201], "allowed_models"),
        (["bad name!"], "username"),
        (["u" * 151], "username"),
        ([], "username"),
    ],
)
def test_issue_token_names_the_value_it_refuses_and_leaves_nothing_behind(arguments, complaint, capfd):
    with pytest.raises(CommandError, match=complaint):
        call_command("issue_token", *arguments)
    assert not User.objects.exists()
    assert capfd.readouterr().out == ""


def test_issue_token_refuses_a_disabled_user():
    User.objects.create_user("carol", is_active=False)
    with pytest.raises(CommandError, match="disabled"):
        call_command("issue_token", "carol")


def test_contribute_keys_prints_a_line_a_key_and_never_the_key(give, capfd):
    give(f"\ufeff{KEY}\r\n\n# a comment\n{KEY}\n{KEY}bad key\n  {KEY}x  ".encode())
    call_command("contribute_keys", "--project=p", "--label=mine", "--paid")
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert [re.sub(r"^[0-9a-f]{12} ", "… ", line) for line in lines] == [
        "… added",
        "… duplicate",
        "line 5 malformed",
        "… added",
    ]
    assert lines[0][:12] == lines[1][:12] == ContributedKey.objects.get(last_four="0001").fingerprint[:12]
    assert "2 added, 1 duplicate, 1 malformed" in err
    assert KEY not in out + err
    assert set(ContributedKey.objects.values_list("project", "label", "paid", "source")) == {
        ("p", "mine", True, "command")
    }


@pytest.mark.parametrize("content", [b"", b"# nothing\n\n", b"bad\n", bytes(range(256)), f"{KEY}\n".encode("utf-16")])
def test_contribute_keys_fails_when_no_key_was_added(give, capfd, content):
    give(content)
    with pytest.raises(CommandError, match="No key"):
        call_command("contribute_keys")
    assert not ContributedKey.objects.exists()
    assert KEY not in "".join(capfd.readouterr())


def test_contribute_keys_is_content_when_every_key_is_here_and_enables_none(give, capfd):
    disable_key(contribute(KEY, source="operator").key, "leaked")
    give(KEY.encode())
    call_command("contribute_keys")
    assert capfd.readouterr().out.endswith(" duplicate\n")
    assert ContributedKey.objects.get().state == "disabled"


@pytest.mark.parametrize("flag", ["--label=" + "x" * 101, "--project=a\nb"])
def test_contribute_keys_refuses_a_label_that_does_not_fit(give, flag):
    give(KEY.encode())
    with pytest.raises(CommandError, match="100 printable"):
        call_command("contribute_keys", flag)


def test_contribute_keys_takes_thousands_in_one_go(give, capfd):
    give("\n".join(f"fake-key-abcdefghijk-{number}" for number in range(3000)).encode())
    started = time.monotonic()
    call_command("contribute_keys")
    assert time.monotonic() - started < 10
    assert ContributedKey.objects.count() == 3000


def test_rotation_seals_all_keys_anew_so_that_the_old_encryption_key_can_go(settings, two_encryption_keys, capfd):
    newest, older = two_encryption_keys
    settings.ENCRYPTION_KEYS = [older]
    for number in range(7):
        contribute(f"{KEY}-{number}", source="admin")
    before = dict(ContributedKey.objects.values_list("pk", "updated"))
    settings.ENCRYPTION_KEYS = [newest, older]
    assert rotate_sealing(batch=3).rotated == 7
    call_command("rotate_encryption_key")
    assert "0 re-encrypted, 7 were" in capfd.readouterr().out
    settings.ENCRYPTION_KEYS = [newest]
    texts = {unseal(pk, text).reveal() for pk, text in ContributedKey.objects.values_list("pk", "ciphertext")}
    assert texts == {f"{KEY}-{number}" for number in range(7)}
    assert dict(ContributedKey.objects.values_list("pk", "updated")) == before


def test_a_rotation_that_was_stopped_goes_on_where_it_was(settings, two_encryption_keys, monkeypatch):
    newest, older = two_encryption_keys
    settings.ENCRYPTION_KEYS = [older]
    for number in range(6):
        contribute(f"{KEY}-{number}", source="admin")
    settings.ENCRYPTION_KEYS = [newest, older]
    with monkeypatch.context() as patch:
        seals = iter(range(4))
        seal = rotate_sealing.__globals__["seal"]
        patch.setitem(rotate_sealing.__globals__, "seal", lambda *args: (next(seals), seal(*args))[1])
        with pytest.raises(StopIteration):
            rotate_sealing(batch=2)
    rotation = rotate_sealing(batch=2)
    assert (rotation.rotated, rotation.newest_before) == (2, 4)


def test_rotation_leaves_what_it_cannot_open_and_says_how_many(settings, capfd):
    contribute(KEY, source="admin")
    before = ContributedKey.objects.get().ciphertext
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="1 cannot be unsealed"):
        call_command("rotate_encryption_key")
    assert ContributedKey.objects.get().ciphertext == before
    assert not is_sealed_newest(before)
