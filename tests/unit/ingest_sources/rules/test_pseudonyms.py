"""pseudonymise: the same person stays the same, and nobody finds out who without the key."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

import pytest

from headrace.errors import ConfigurationError
from ingest_sources.rules.pseudonyms import Key, Keys, pseudonyms_of
from tests.unit.ingest_sources.rules.cleansing import cleanse

_KEY = b"a key of more than 16 bytes"
_KEYS = {"customers": (Key("v1", _KEY),)}
_RULE = "- pseudonymise: {columns: [a], key: customers}"


def _pseudonyms(column: Sequence[Any], keys: Keys = _KEYS) -> list[Any]:
    return cleanse(_RULE, keys, a=column).table["a"].to_list()


def test_it_is_the_hmac_that_others_can_compute_too() -> None:
    expected = "v1:" + hmac.new(_KEY, "Zoë".encode(), hashlib.sha256).hexdigest()
    assert _pseudonyms(["Zoë", None, "Zoë"]) == [expected, None, expected]


def test_a_number_is_hashed_as_its_text() -> None:
    assert _pseudonyms([7, 8]) == _pseudonyms(["7", "8"])


def test_another_key_gives_other_pseudonyms() -> None:
    (first,), (second,) = _pseudonyms(["x"]), _pseudonyms(["x"], {"customers": (Key("v2", _KEY[::-1]),)})
    assert second.startswith("v2:")
    assert first[3:] != second[3:]


def test_after_a_rotation_new_values_get_the_last_key_and_old_ones_can_be_found() -> None:
    old, new = Key("v1", _KEY), Key("v2", _KEY[::-1])
    before, after = _pseudonyms(["x"], {"customers": (old,)}), _pseudonyms(["x"], {"customers": (old, new)})
    assert after == _pseudonyms(["x"], {"customers": (new,)}) != before
    assert pseudonyms_of("x", "customers", {"customers": (old, new)}) == [*before, *after]


def test_a_key_shows_its_id_alone() -> None:
    assert repr(Key("v1", _KEY)) == "Key(v1)"


@pytest.mark.parametrize("column", [[], [None, None]])
def test_where_there_is_nobody_nothing_changes(column: list[None]) -> None:
    assert _pseudonyms(column) == column


def test_a_key_that_is_missing_is_found_before_the_first_row() -> None:
    with pytest.raises(ConfigurationError, match="no key 'customers'; there is users"):
        cleanse(_RULE, {"users": (Key("v1", _KEY),)}, a=["x"])


def test_a_key_that_can_be_guessed_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigurationError, match="5 bytes") as caught:
        cleanse(_RULE, {"customers": (Key("v1", b"hello"),)}, a=["x"])
    assert "hello" not in str(caught.value)
