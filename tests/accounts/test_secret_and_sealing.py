import copy
import json
import pickle
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet

from accounts.sealing import Unsealable, fingerprint, is_sealed_newest, seal, unseal
from accounts.secret import Secret

KEY = "canary-key-0123456789"


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{!r}".format, lambda s: f"{s:>9}", lambda s: f"{[s]}"])
def test_a_secret_shows_nothing_of_itself(show):
    shown = show(Secret(KEY))
    assert "***" in shown
    assert "canary" not in shown


def test_a_secret_is_not_in_its_pickle_nor_in_json():
    assert b"canary" not in pickle.dumps(Secret(KEY))
    with pytest.raises(TypeError) as refused:
        json.dumps({"key": Secret(KEY)})
    assert "canary" not in str(refused.value)


def test_a_secret_reveals_its_text_and_a_copy_does_too():
    assert Secret(KEY).reveal() == copy.deepcopy([Secret(KEY)])[0].reveal() == KEY
    assert Secret(KEY) == Secret(KEY) != Secret("other")


def test_a_sealed_key_is_unsealed_for_its_own_row_only():
    row, other = uuid4(), uuid4()
    ciphertext = seal(row, KEY)
    assert KEY not in ciphertext
    assert unseal(row, ciphertext).reveal() == KEY
    with pytest.raises(Unsealable) as refused:
        unseal(other, ciphertext)
    assert KEY not in str(refused.value)


def test_the_wrong_encryption_key_and_altered_text_are_unsealable(settings):
    row = uuid4()
    ciphertext = seal(row, KEY)
    for wrong in (ciphertext[:-4] + "AAA=", "", "é"):
        with pytest.raises(Unsealable):
            unseal(row, wrong)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(Unsealable) as refused:
        unseal(row, ciphertext)
    assert refused.value.__cause__ is None


def test_a_key_sealed_under_an_older_key_opens_and_is_known_as_older(settings, two_encryption_keys):
    newest, older = two_encryption_keys
    row = uuid4()
    settings.ENCRYPTION_KEYS = [older]
    ciphertext = seal(row, KEY)
    settings.ENCRYPTION_KEYS = [newest, older]
    assert unseal(row, ciphertext).reveal() == KEY
    assert not is_sealed_newest(ciphertext)
    assert is_sealed_newest(seal(row, KEY))


def test_a_fingerprint_depends_on_the_key_and_on_the_secret_of_the_site(settings):
    first = fingerprint(KEY)
    assert first == fingerprint(KEY) != fingerprint(KEY + "x")
    settings.FINGERPRINT_KEY = "another"
    assert fingerprint(KEY) != first
