"""The rule `pseudonymise`: ids that stay the same for the same person, and tell nothing without the key."""

import hmac
from collections.abc import Mapping

import polars as pl

from headrace.errors import ConfigurationError
from ingest_sources.rules.models import Pseudonymise
from ingest_sources.rules.steps import Step

Keys = Mapping[str, tuple[str, bytes]]
"""Name of a key → its id, which stands in front of each pseudonym, and its bytes."""

SHORTEST_KEY = 16
"""Bytes: with a shorter one, all keys can be tried out on a known id."""


def key_of(rule: Pseudonymise, keys: Keys) -> tuple[str, bytes]:
    """The id and the bytes of the rule's key.

    Raises:
        ConfigurationError: there is none of this name, or it is too short; never shows the bytes.
    """
    if rule.key not in keys:
        raise ConfigurationError(
            f"no key {rule.key!r}; there is {', '.join(sorted(keys)) or 'none'}: add it to the keys"
        )
    key_id, key = keys[rule.key]
    if len(key) < SHORTEST_KEY:
        raise ConfigurationError(f"key {rule.key!r} has {len(key)} bytes; make one of {SHORTEST_KEY} or better 32")
    return key_id, key


def pseudonymise(rule: Pseudonymise, table: pl.DataFrame, key_id: str, key: bytes) -> Step:
    """The value's text is hashed, so that 7 and `7` are the same person (but not 7.0)."""
    return Step(table.with_columns(_hashed(table[name], key_id, key) for name in rule.columns))


def _hashed(series: pl.Series, key_id: str, key: bytes) -> pl.Series:
    texts = series.cast(pl.String)
    known = texts.drop_nulls().unique()
    hashes = [f"{key_id}:{hmac.digest(key, text.encode(), 'sha256').hex()}" for text in known]
    return texts.replace_strict(known, pl.Series(hashes, dtype=pl.String), default=None, return_dtype=pl.String)
