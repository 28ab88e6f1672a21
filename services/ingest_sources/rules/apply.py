"""Applies a source's rules to its rows: what passes, what goes to the dead letters, what is dropped on purpose."""

import copy
import functools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import count
from math import isfinite
from typing import Any

import polars as pl

from headrace.errors import ConfigurationError
from ingest_sources.rows import ROW, BadRow, Rows, is_bare, with_columns
from ingest_sources.rules import models
from ingest_sources.rules.cast_rule import cast
from ingest_sources.rules.column_rules import case, drop, fill, keep, missing, rename, trim
from ingest_sources.rules.custom_rule import Functions, custom
from ingest_sources.rules.lookup_model import Lookup
from ingest_sources.rules.lookup_rule import LookUp, References
from ingest_sources.rules.personal import Personal
from ingest_sources.rules.pseudonyms import Keys, key_of, pseudonymise
from ingest_sources.rules.rule_model import RuleModel
from ingest_sources.rules.seen_keys import SeenKeys
from ingest_sources.rules.sql_rules import check, derive, filter_
from ingest_sources.rules.steps import ReferenceWrong, Refused, Step, TellsValues
from ingest_sources.rules.time_rule import time
from ingest_sources.rules.unique_rule import unique, unique_within
from ingest_sources.rules.value_rules import allow, match, range_, require, unit

Take = Callable[[Any, pl.DataFrame], Step]
_FUNCTIONS: Mapping[type[RuleModel], Take] = {
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
    """The rules of one source, in their order. One thread uses it.

    Args:
        keys: what `pseudonymise` hashes with.
        personal: columns, as the file names them, whose values no dead letter may show, besides those that a rule
            pseudonymises.
        is_free_form: rows need not have the columns that a rule names; they are there then, without values.
        references: what `lookup` joins with; none for rules without it.
        functions: what `custom` calls.

    Raises:
        ConfigurationError: a key or a function is missing, a key is too short, or a window would hold personal values.

    Attributes:
        windows: what rules `unique` have seen, by a name that is another where the rule is another. Whoever delivers
            rows keeps them; without that they begin empty.
    """

    def __init__(
        self,
        rules: Sequence[RuleModel],
        keys: Keys | None = None,
        personal: Iterable[str] = (),
        is_free_form: bool = False,
        references: References | None = None,
        functions: Functions | None = None,
    ) -> None:
        self._is_free_form = is_free_form
        self._personal = Personal(personal, rules)
        self.windows: dict[str, SeenKeys] = {}
        means = _Means(keys or {}, references, functions or {}, self.windows)
        self._rules = [
            (place, rule, _function(rule, means)) for place, rule in zip(places_of(rules), rules, strict=True)
        ]
        for position, rule in enumerate(rules):
            if isinstance(rule, models.Unique) and rule.within and (met := self._personal.is_met(position, rule.reads)):
                raise ConfigurationError(
                    f"rule {position + 1} unique: what is seen within {rule.within} leaves the process, and "
                    f"{', '.join(sorted(met))} is personal; `pseudonymise` it before"
                )

    def of_one_shape(self) -> "RuleSet":
        """The same rules for rows that must have the columns that a rule names."""
        strict = copy.copy(self)
        strict._is_free_form = False
        return strict

    def load_references(self) -> None:
        """Reads all reference data, so that a mistake in them is told before the first row.

        Raises:
            ReferenceWrong, TransientError: as `References.table`.
        """
        for position, (place, rule, function) in enumerate(self._rules):
            if isinstance(function, LookUp):
                try:
                    function.load()
                except ConfigurationError as error:
                    raise _told(place, error, bool(self._personal.is_met(position, rule.reads))) from error

    def apply(self, rows: Rows, may_lack: bool = False) -> Cleansed:
        """Takes rows through all rules; the first that refuses a row has it.

        Args:
            may_lack: these rows need not have the columns that a rule names, whatever was said of all.

        Raises:
            ConfigurationError: a rule names a column that isn't there, or fits none of the column's type: a mistake of
                the whole source.
            ReferenceWrong: reference data can't be used, which is no row's mistake.
            TransientError: reference data are somewhere that is away.
        """
        if is_bare(rows.table):
            # A part in which no row could be read has no columns that a rule could miss.
            return Cleansed(rows.table, self._personal.hide_lines(rows.bad), {})
        table = rows.table
        refused: list[Refused] = []
        counts: Counter[str] = Counter()
        for position, (place, rule, function) in enumerate(self._rules):
            if self._is_free_form or may_lack:
                table = with_columns(table, rule.reads)
            met = self._personal.is_met(position, _looked_at(rule, table))
            step = _take(place, rule, function, table, is_personal=bool(met))
            if met:
                step = _without_values(step, rule, met)
            table = step.table
            if step.refused or step.dropped:
                counts[place] = len(step.refused) + step.dropped
            refused += step.refused
        unread = self._personal.hide_lines(rows.bad)
        dead = self.dead(rows.table, refused)
        return Cleansed(table, tuple(sorted((*unread, *dead), key=lambda row: row.number)), dict(counts))

    def discreet(self, error: BaseException) -> str:
        """An error of polars in words that show no personal value."""
        return discreet(error) if self._personal.columns else str(error)

    def hide_lines(self, bad: Sequence[BadRow]) -> tuple[BadRow, ...]:
        """Rows that couldn't be read, without what may be personal in them."""
        return self._personal.hide_lines(bad)

    def dead(self, table: pl.DataFrame, refused: Sequence[Refused]) -> list[BadRow]:
        """What goes to the dead letters of refused rows: as `table` has them, without personal values."""
        return _dead(table, refused, self._personal, self._is_free_form) if refused else []


def places_of(rules: Iterable[RuleModel]) -> list[str]:
    """Position (from 1) and name of each rule, such as `3 range`."""
    return [f"{position} {rule.rule}" for position, rule in enumerate(rules, 1)]


@dataclass(frozen=True)
class _Means:
    """What rules need besides the table."""

    keys: Keys
    references: References | None
    functions: Functions
    windows: dict[str, SeenKeys]

    def window(self, rule: models.Unique, within: int) -> SeenKeys:
        """A new one, under a name by which it is found again as long as the rule is the same."""
        digest = sha256(rule.model_dump_json().encode()).hexdigest()[:16]
        name = next(name for at in count(1) if (name := f"{digest}.{at}") not in self.windows)
        return self.windows.setdefault(name, SeenKeys(within))


def _function(rule: RuleModel, means: _Means) -> Take:
    match rule:
        case models.Pseudonymise():
            return functools.partial(pseudonymise, key=key_of(rule.key, means.keys))
        case models.Custom():
            if rule.function not in means.functions:
                raise ConfigurationError(f"no function {rule.function} is loaded: set INGEST_SOURCES_FUNCTIONS")
            return functools.partial(custom, function=means.functions[rule.function])
        case models.Unique(within=int(within)):
            return functools.partial(unique_within, seen=means.window(rule, within))
        case Lookup():
            if means.references is None:
                raise ConfigurationError(f"nothing here gives {rule.reference.title}, which a lookup names")
            return LookUp(rule, means.references)
        case _:
            return _FUNCTIONS[type(rule)]


def _take(place: str, rule: RuleModel, function: Take, table: pl.DataFrame, is_personal: bool) -> Step:
    unknown = [name for name in rule.reads if name not in table.columns]
    if unknown:
        known = ", ".join(repr(name) for name in table.columns if name != ROW)
        raise ConfigurationError(f"rule {place}: no column {', '.join(map(repr, unknown))}; here the table has {known}")
    try:
        step = function(rule, table)
    except (ConfigurationError, pl.exceptions.PolarsError) as error:
        raise _told(place, error, is_personal) from error
    named = (Refused(row.number, f"{rule.rule}: {row.detail}", row.reason) for row in step.refused)
    return Step(step.table, tuple(named), step.dropped)


def _told(place: str, error: Exception, is_personal: bool) -> ConfigurationError:
    """The error with the rule's place, without values where these are personal."""
    # Polars adds the expression as it rewrote it, which the user doesn't know.
    what = str(error).split("\n\n", 1)[0]
    if is_personal and isinstance(error, TellsValues):
        what = error.discreet
    elif is_personal and isinstance(error, pl.exceptions.PolarsError):
        what = discreet(error)
    message = f"rule {place}: {what}"
    return ReferenceWrong(message, message) if isinstance(error, ReferenceWrong) else ConfigurationError(message)


def discreet(error: BaseException) -> str:
    """An error without its message, which may show values."""
    return f"{type(error).__name__}; its message may show personal values"


def _looked_at(rule: RuleModel, table: pl.DataFrame) -> Sequence[str]:
    """The columns whose values the rule's refusals may show."""
    sees_all = isinstance(rule, models.Custom) or (isinstance(rule, models.Cast) and rule.others)
    return table.columns if sees_all else rule.reads


def _without_values(step: Step, rule: RuleModel, personal: frozenset[str]) -> Step:
    detail = f"{rule.rule}: the value of {', '.join(sorted(personal))}, which is personal"
    return Step(step.table, tuple(replace(row, detail=detail) for row in step.refused), step.dropped)


def _dead(table: pl.DataFrame, refused: Sequence[Refused], personal: Personal, is_free_form: bool) -> list[BadRow]:
    refused = sorted(refused, key=lambda row: row.number)
    numbers = pl.Series([row.number for row in refused], dtype=pl.Int64)
    cells = table.filter(pl.col(ROW).is_in(numbers.implode())).drop(ROW).iter_rows(named=True)
    encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_as_text, allow_nan=False)
    found = []
    for row, original in zip(refused, cells, strict=True):
        # A message did not have the columns of its neighbours.
        own = {name: value for name, value in original.items() if value is not None} if is_free_form else original
        found.append(BadRow(row.number, row.reason, row.detail, _as_json(personal.hide(own), encoder)))
    return found


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
