"""Applies a source's rules to its rows: what passes, what goes to the dead letters, what is dropped on purpose."""

import functools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import polars as pl

from headrace.errors import ConfigurationError
from ingest_sources.rows import ROW, BadRow, Rows
from ingest_sources.rules import models
from ingest_sources.rules.cast_rule import cast
from ingest_sources.rules.column_rules import case, drop, fill, keep, missing, rename, trim
from ingest_sources.rules.personal import Personal
from ingest_sources.rules.pseudonyms import Keys, key_of, pseudonymise
from ingest_sources.rules.sql_rules import check, derive, filter_
from ingest_sources.rules.steps import Refused, Step
from ingest_sources.rules.time_rule import time
from ingest_sources.rules.value_rules import allow, match, range_, require, unique, unit

_FUNCTIONS: Mapping[type[models.RuleModel], Callable[[Any, pl.DataFrame], Step]] = {
    models.Rename: rename,
    models.Keep: keep,
    models.Drop: drop,
    models.Trim: trim,
    models.Case: case,
    models.Missing: missing,
    models.Cast: cast,
    models.Time: time,
    models.Unit: unit,
    models.Require: require,
    models.Allow: allow,
    models.Range: range_,
    models.Match: match,
    models.Check: check,
    models.Derive: derive,
    models.Fill: fill,
    models.Unique: unique,
    models.Filter: filter_,
}


@dataclass(frozen=True)
class Cleansed:
    """Rows after all rules.

    Attributes:
        table: the rows that passed, with `ROW`, in the order of the source.
        bad: the rows that couldn't be read and those that a rule refused, by rising number, one for each row.
        counts: position (from 1) and name of a rule, such as `3 range` → rows that it refused or dropped; only rules
            that did so.
    """

    table: pl.DataFrame
    bad: tuple[BadRow, ...]
    counts: Mapping[str, int]


class RuleSet:
    """The rules of one source, in their order.

    Args:
        keys: what `pseudonymise` hashes with.
        personal: columns, as the file names them, whose values no dead letter may show, besides those that a rule
            pseudonymises.

    Raises:
        ConfigurationError: a key is missing or too short.
    """

    def __init__(
        self, rules: Sequence[models.RuleModel], keys: Keys | None = None, personal: Iterable[str] = ()
    ) -> None:
        self._personal = Personal(personal, rules)
        self._rules = [
            (f"{position} {rule.rule}", rule, _function(rule, keys or {})) for position, rule in enumerate(rules, 1)
        ]

    def apply(self, rows: Rows) -> Cleansed:
        """Takes rows through all rules; the first that refuses a row has it.

        Raises:
            ConfigurationError: a rule names a column that isn't there, or fits none of the column's type: a mistake of
                the whole source.
        """
        if rows.table.columns == [ROW]:
            # A part in which no row could be read has no columns that a rule could miss.
            return Cleansed(rows.table, self._personal.hide_lines(rows.bad), {})
        table = rows.table
        refused: list[Refused] = []
        counts: Counter[str] = Counter()
        for position, (place, rule, function) in enumerate(self._rules):
            step = _take(place, rule, function, table)
            if met := self._personal.is_met(position, _looked_at(rule, table)):
                step = _without_values(step, rule, met)
            table = step.table
            if step.refused or step.dropped:
                counts[place] = len(step.refused) + step.dropped
            refused += step.refused
        unread = self._personal.hide_lines(rows.bad)
        dead = self.dead(rows.table, refused)
        return Cleansed(table, tuple(sorted((*unread, *dead), key=lambda row: row.number)), dict(counts))

    def dead(self, table: pl.DataFrame, refused: Sequence[Refused]) -> list[BadRow]:
        """What goes to the dead letters of refused rows: as `table` has them, without personal values."""
        return _dead(table, refused, self._personal) if refused else []


def _function(rule: models.RuleModel, keys: Keys) -> Callable[[Any, pl.DataFrame], Step]:
    if isinstance(rule, models.Pseudonymise):
        key_id, key = key_of(rule, keys)
        return functools.partial(pseudonymise, key_id=key_id, key=key)
    return _FUNCTIONS[type(rule)]


def _take(
    place: str, rule: models.RuleModel, function: Callable[[Any, pl.DataFrame], Step], table: pl.DataFrame
) -> Step:
    unknown = [name for name in rule.reads if name not in table.columns]
    if unknown:
        known = ", ".join(repr(name) for name in table.columns if name != ROW)
        raise ConfigurationError(f"rule {place}: no column {', '.join(map(repr, unknown))}; here the table has {known}")
    try:
        step = function(rule, table)
    except (ConfigurationError, pl.exceptions.PolarsError) as error:
        # Polars adds the expression as it rewrote it, which the user doesn't know.
        what = str(error).split("\n\n", 1)[0]
        raise ConfigurationError(f"rule {place}: {what}") from error
    named = (Refused(row.number, f"{rule.rule}: {row.detail}", row.reason) for row in step.refused)
    return Step(step.table, tuple(named), step.dropped)


def _looked_at(rule: models.RuleModel, table: pl.DataFrame) -> Sequence[str]:
    """The columns whose values the rule's refusals may show."""
    return table.columns if isinstance(rule, models.Cast) and rule.others else rule.reads


def _without_values(step: Step, rule: models.RuleModel, personal: frozenset[str]) -> Step:
    detail = f"{rule.rule}: the value of {', '.join(sorted(personal))}, which is personal"
    return Step(step.table, tuple(replace(row, detail=detail) for row in step.refused), step.dropped)


def _dead(table: pl.DataFrame, refused: Sequence[Refused], personal: Personal) -> list[BadRow]:
    refused = sorted(refused, key=lambda row: row.number)
    numbers = pl.Series([row.number for row in refused], dtype=pl.Int64)
    cells = table.filter(pl.col(ROW).is_in(numbers.implode())).drop(ROW).iter_rows(named=True)
    encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_as_text, allow_nan=False)
    return [
        BadRow(row.number, row.reason, row.detail, _as_json(personal.hide(original), encoder))
        for row, original in zip(refused, cells, strict=True)
    ]


def _as_json(cells: Mapping[str, Any], encoder: json.JSONEncoder) -> bytes:
    try:
        return encoder.encode(cells).encode()
    except ValueError:
        return encoder.encode(_plain(cells)).encode()


def _plain(value: Any) -> Any:
    """The value without NaN and infinity, which JSON doesn't have: they become texts."""
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [_plain(part) for part in value]
    return value


def _as_text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
