"""The rule `pseudonymise`: ids that stay the same for the same person, and tell nothing without the key."""

import hmac
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import polars as pl

from headrace.errors import ConfigurationError
from ingest_sources.rules.models import Pseudonymise
from ingest_sources.rules.steps import Finding, Step, look_for, refuse


class Key(NamedTuple):
    """A key for HMAC-SHA-256.

    Attributes:
        id: stands in front of each pseudonym.
    """

    id: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Key({self.id})"


Keys = Mapping[str, tuple[Key, ...]]
"""Name → its keys, the oldest first: the last is used, the others made the pseudonyms that are there already."""

SHORTEST_KEY = 16
"""Bytes: with a shorter one, all keys can be tried out on a known id."""


def key_of(name: str, keys: Keys) -> Key:
    """The key of a name that is used.

    Raises:
        ConfigurationError: there is none of this name, or it is too short; never shows the bytes.
    """
    key = _all_of(name, keys)[-1]
    if len(key.secret) < SHORTEST_KEY:
        raise ConfigurationError(f"key {name!r} has {len(key.secret)} bytes; make one of {SHORTEST_KEY} or better 32")
    return key


def pseudonyms_of(value: str, name: str, keys: Keys) -> list[str]:
    """All pseudonyms that a value may have got, the oldest key's first: under these, what is stored of it is found.

    Raises:
        ConfigurationError: there is no key of this name.
    """
    return [_pseudonym(value, key) for key in _all_of(name, keys)]


def pseudonymise(rule: Pseudonymise, table: pl.DataFrame, key: Key) -> Step:
    """The value's text is hashed, so that 7 and `7` are the same person (but not 7.0).

    A row in which such a column is an object is refused: its parts are columns of their own, which nothing hides.
    """
    parts = [name for name in table.columns for column in rule.columns if name.startswith(f"{column}.")]
    step = refuse(table, [finding for name in parts for finding in _parts_found(table[name])])
    return replace(step, table=step.table.with_columns(_hashed(step.table[name], key) for name in rule.columns))


def _parts_found(part: pl.Series) -> list[Finding]:
    return look_for(part.is_not_null(), part, lambda _: f"{part.name} is a part of what is hidden as a whole")


def _all_of(name: str, keys: Keys) -> tuple[Key, ...]:
    if name not in keys:
        raise ConfigurationError(f"no key {name!r}; there is {', '.join(sorted(keys)) or 'none'}: add it to the keys")
    return keys[name]


def _hashed(series: pl.Series, key: Key) -> pl.Series:
    texts = series.cast(pl.String)
    known = texts.drop_nulls().unique()
    hashes = [_pseudonym(text, key) for text in known]
    return texts.replace_strict(known, pl.Series(hashes, dtype=pl.String), default=None, return_dtype=pl.String)


def _pseudonym(text: str, key: Key) -> str:
    return f"{key.id}:{hmac.digest(key.secret, text.encode(), 'sha256').hex()}"
