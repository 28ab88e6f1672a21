"""The rule `lookup`: columns of reference data beside those of the rows, whose number and order stay."""

from collections.abc import Sequence
from typing import Protocol

import polars as pl

from headrace.errors import ConfigurationError
from ingest_sources.rules.lookup_model import AnyReference, Lookup
from ingest_sources.rules.steps import Finding, ReferenceWrong, Step, refuse, show_row

_KEY = "__key_{}__"
_TAKEN = "__taken_{}__"
_FOUND = "__found__"
_NAMED = 5


class References(Protocol):
    """Gives reference data as they are now."""

    def table(self, reference: AnyReference, columns: Sequence[str]) -> pl.DataFrame:
        """A table with at least these columns, where the reference has them; the same object until it changed.

        Raises:
            ReferenceWrong: it can't be used; the message says how to mend it.
            TransientError: where it is, is away.
        """
        ...


class LookUp:
    """One rule with its reference, which is made ready to be joined once for each of its states."""

    def __init__(self, rule: Lookup, references: References) -> None:
        self._rule = rule
        self._references = references
        self._given: pl.DataFrame | None = None
        self._ready = pl.DataFrame()

    def __call__(self, rule: Lookup, table: pl.DataFrame) -> Step:
        self.load()
        return lookup(rule, table, self._ready)

    def load(self) -> None:
        """Has the newest reference ready.

        Raises:
            ReferenceWrong, TransientError: as `References.table`.
        """
        given = self._references.table(self._rule.reference, self._rule.wanted)
        if given is not self._given:
            self._ready, self._given = ready(self._rule, given), given


def ready(rule: Lookup, reference: pl.DataFrame) -> pl.DataFrame:
    """The reference as `lookup` joins it: one row for each key. Rows without a whole key are of no use and left out.

    Raises:
        ReferenceWrong: it lacks a column, a key has two different rows, or a column's type is none of a key.
    """
    title = rule.reference.title
    if unknown := [name for name in rule.wanted if name not in reference.columns]:
        known = ", ".join(map(repr, reference.columns)) or "none"
        raise _wrong(f"{title} has no column {', '.join(map(repr, unknown))}; it has {known}")
    try:
        keys = [
            _reference_key(reference[name], title).alias(_KEY.format(at)) for at, name in enumerate(rule.on.values())
        ]
        taken = [reference[name].alias(_TAKEN.format(at)) for at, name in enumerate(rule.take)]
        names = [key.name for key in keys]
        table = pl.DataFrame([*keys, *taken]).drop_nulls(names).unique(maintain_order=True)
        _check_keys(rule, table, names)
    except pl.exceptions.PolarsError as error:
        raise _wrong(f"{title}: {error}") from error
    return table.with_columns(pl.lit(True).alias(_FOUND))


def lookup(rule: Lookup, table: pl.DataFrame, reference: pl.DataFrame) -> Step:
    """Joins rows with a reference that is `ready`.

    Raises:
        ConfigurationError: a column is of another type than that of the reference.
    """
    keys = [_row_key(table[name], reference[_KEY.format(at)].dtype, rule) for at, name in enumerate(rule.on)]
    keyed = table.with_columns(key.alias(_KEY.format(at)) for at, key in enumerate(keys))
    names = [_KEY.format(at) for at in range(len(keys))]
    joined = keyed.join(reference, on=names, how="left", maintain_order="left", validate="m:1")
    found = joined[_FOUND].is_not_null()
    result = table.with_columns(
        _result(rule, table.get_column(name, default=None), joined[_TAKEN.format(at)], found).alias(name)
        for at, name in enumerate(rule.take.values())
    )
    complete = joined.select(pl.all_horizontal(pl.col(names).is_not_null())).to_series()
    bad = complete & ~found
    if rule.missing != "refuse" or not bad.any():
        return Step(result)
    cells = show_row(table.filter(bad), tuple(rule.on))
    return refuse(result, [Finding(bad, [f"{cell}, which {rule.reference.title} doesn't have" for cell in cells])])


def _result(rule: Lookup, kept: pl.Series | None, taken: pl.Series, found: pl.Series) -> pl.Series:
    if rule.missing != "keep" or kept is None:
        return taken
    if pl.Null not in (kept.dtype, taken.dtype) and kept.dtype != taken.dtype:
        raise ConfigurationError(
            f"{kept.name} is {kept.dtype}, and {rule.reference.title} has {taken.dtype} for it; `cast` it before"
        )
    return pl.select(pl.when(found).then(taken).otherwise(kept)).to_series()


def _reference_key(series: pl.Series, title: str) -> pl.Series:
    if series.dtype.is_float() and (series.drop_nulls() == series.drop_nulls().round()).all():
        # No rule can cast a reference, and a sheet of numbers may have nothing but floats.
        series = series.cast(pl.Int64)
    key = _key(series)
    if key is None:
        raise _wrong(f"{title}: {series.name} is {series.dtype}, by which nothing can be joined; make texts of it")
    return key


def _row_key(series: pl.Series, wanted: pl.DataType, rule: Lookup) -> pl.Series:
    if series.dtype == pl.Null:
        return series.cast(wanted)
    key = _key(series)
    if key is None:
        raise ConfigurationError(
            f"{series.name} is {series.dtype}, by which nothing can be joined; put a `cast` to integer or text before"
        )
    if wanted == pl.Null:
        return key.clear(len(key)).cast(wanted)
    if key.dtype != wanted:
        raise ConfigurationError(
            f"{series.name} is {series.dtype}, and {rule.on[series.name]} of {rule.reference.title} is "
            f"{'text or integer' if wanted == pl.String else wanted}; put a `cast` before"
        )
    return key


def _key(series: pl.Series) -> pl.Series | None:
    """Values by which rows are joined; none for a type whose values are not equal when they look so."""
    if series.dtype.is_integer():
        return series.cast(pl.String)
    if series.dtype.is_float() or series.dtype.is_nested() or isinstance(series.dtype, pl.Object):
        return None
    return series


def _check_keys(rule: Lookup, table: pl.DataFrame, names: Sequence[str]) -> None:
    repeated = table.filter(pl.struct(names).is_duplicated()).select(names).unique(maintain_order=True)
    if repeated.is_empty():
        return
    shown = repeated.head(_NAMED).rename(dict(zip(names, rule.on.values(), strict=True)))
    cells = "; ".join(show_row(shown, shown.columns))
    more = f" and {repeated.height - _NAMED} more" if repeated.height > _NAMED else ""
    said = f"{rule.reference.title} has rows that differ for one {', '.join(rule.on.values())}"
    raise ReferenceWrong(
        f"{said}: {cells}{more}; leave one of them", f"{said}, {repeated.height} in all; leave one each"
    )


def _wrong(message: str) -> ReferenceWrong:
    return ReferenceWrong(message, message)
