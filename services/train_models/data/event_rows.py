"""Rows made of events: one per entity and cut, whose features know only what was before the cut.

Every feature is an aggregate of the events that `_BEFORE` lets through, and the label of those that `_AFTER` does:
there is no way to write a feature that looks past its row's cut.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]

from headrace.clock import MICROSECONDS
from headrace.errors import ConfigurationError
from train_models.data.duck import ROW, batches, first_row, key_text, literal, quoted, view
from train_models.data.events_spec import ALL, CUT, Aggregate, Bound, Condition, EventLabel, Events
from train_models.data.snapshots import About
from train_models.data.times_in_sql import epoch_us

_TIME = "headrace.time"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_US = 86_400 * MICROSECONDS
_BEFORE = f"{quoted(_TIME)} < {{cut}}"
_AFTER = f"{quoted(_TIME)} > {{cut}} AND {quoted(_TIME)} <= {{end}}"


def event_rows(
    connection: duckdb.DuckDBPyConnection, events: Path, spec: Events, label: str, about: About
) -> Iterator[pa.RecordBatch]:
    """The rows, cut after cut, in the order of the entities' texts.

    A row is there for each entity with an event before the cut. Cuts whose label could still change, as the events end
    before its horizon does, are left out and counted in `about`.

    Args:
        events: Parquet file of the events, in any order.

    Raises:
        ConfigurationError: a column is not there or holds what can't be aggregated; no cut is old enough.
    """
    columns = view(connection, "raw_events", events)
    _check_columns(spec, columns)
    _check_numbers(connection, spec, columns)
    us = epoch_us(connection, "raw_events", spec.time, columns[spec.time])
    entity = key_text(spec.entity, columns[spec.entity])
    where = " AND ".join([f"{quoted(spec.entity)} IS NOT NULL", *_conditions(spec.where, columns)])
    connection.execute(
        f"CREATE VIEW events AS SELECT * EXCLUDE ({quoted(spec.entity)}), {entity} AS {quoted(spec.entity)}, "  # noqa: S608
        f"{us} AS {quoted(_TIME)} FROM raw_events WHERE {where}"
    )
    _note_events(connection, spec, about)
    for cut in _mature_cuts(connection, spec, us, about):
        yield from batches(connection, _query(spec, label, cut, columns))


def _query(spec: Events, label: str, cut: datetime, columns: Mapping[str, str]) -> str:
    at, entity = _us(cut), quoted(spec.entity)
    end = at + _length(spec.label.horizon)
    seen = f" HAVING max({quoted(_TIME)}) >= {at - _length(spec.seen_within)}" if spec.seen_within else ""
    features = ", ".join(f"{_aggregate(one, at, at, columns)} AS {quoted(name)}" for name, one in spec.features.items())
    found = "after_cut.headrace_label"
    absent = f"COALESCE({found}, {_EMPTY_LABEL[_label_kind(spec.label)]})"
    return f"""
        WITH before_cut AS (
            SELECT {entity}, {features} FROM events WHERE {_BEFORE.format(cut=at)} GROUP BY {entity}{seen}
        ), after_cut AS (
            SELECT {entity}, {_label(spec.label, end, columns)} AS headrace_label
            FROM events WHERE {_AFTER.format(cut=at, end=end)} GROUP BY {entity}
        )
        SELECT before_cut.{entity}, make_timestamptz({at}) AS {quoted(CUT)},
            {", ".join(f"before_cut.{quoted(name)}" for name in spec.features)}, {absent} AS {quoted(label)}
        FROM before_cut LEFT JOIN after_cut USING ({entity})
        ORDER BY before_cut.{entity}
    """  # noqa: S608 - every name is quoted, every value a literal of ours


def _label_kind(label: EventLabel) -> str:
    return "none_within" if label.none_within is not None else label.name


def _label(label: EventLabel, end: int, columns: Mapping[str, str]) -> str:
    if label.none_within is None:
        return _aggregate(label, None, end, columns)
    where = _conditions(label.where, columns)
    return f"count(*){_filter(where)} = 0"


_EMPTY_LABEL = {"none_within": "true", "count": "0", "distinct": "0", "sum": "0"} | dict.fromkeys(
    ("mean", "min", "max", "last"), "NULL"
)


def _aggregate(one: Aggregate, cut: int | None, end: int, columns: Mapping[str, str]) -> str:
    """An aggregate over the rows of its query, which are those before the cut, or those of the label.

    Args:
        cut: from which `within` looks back; None for a label, whose query has its bounds.
    """
    column = quoted(one.column)
    conditions = _conditions(one.where, columns)
    if cut is not None and one.within is not None:
        conditions.append(f"{quoted(_TIME)} >= {cut - _length(one.within)}")
    if one.column != ALL:
        conditions.append(f"{column} IS NOT NULL")
    if one.times is not None:
        column = f"{_number(column)} * {_number(quoted(one.times))}"
    return _AGGREGATES[one.name](column, _filter(conditions), end)


def _number(column: str) -> str:
    return f"CAST({column} AS DOUBLE)"


_Maker = Callable[[str, str, int], str]
_AGGREGATES: dict[str, _Maker] = {
    "count": lambda column, taken, end: f"count(*){taken}",
    "distinct": lambda column, taken, end: f"count(DISTINCT {column}){taken}",
    # Compensated, so that the order of the events doesn't show in the last digits.
    "sum": lambda column, taken, end: f"COALESCE(fsum({_number(column)}){taken}, 0)",
    "mean": lambda column, taken, end: f"favg({_number(column)}){taken}",
    "min": lambda column, taken, end: f"min({_number(column)}){taken}",
    "max": lambda column, taken, end: f"max({_number(column)}){taken}",
    "last": lambda column, taken, end: f"arg_max({column}, ({quoted(_TIME)}, {ROW})){taken}",
    "days_since_last": lambda column, taken, end: f"({end} - max({quoted(_TIME)}){taken}) / {float(_DAY_US)}",
    "days_since_first": lambda column, taken, end: f"({end} - min({quoted(_TIME)}){taken}) / {float(_DAY_US)}",
}
_OF_NUMBERS = ("sum", "mean", "min", "max")


def _filter(conditions: list[str]) -> str:
    return f" FILTER (WHERE {' AND '.join(conditions)})" if conditions else ""


def _conditions(where: Mapping[str, Condition], columns: Mapping[str, str]) -> list[str]:
    found = []
    for name, condition in where.items():
        column = quoted(name)
        if isinstance(condition, Bound):
            if condition.above is not None:
                found.append(f"{_number(column)} > {literal(condition.above)}")
            if condition.below is not None:
                found.append(f"{_number(column)} < {literal(condition.below)}")
        elif isinstance(condition, str) or columns[name] != "VARCHAR":
            found.append(f"{column} = {literal(condition)}")
        elif isinstance(condition, bool):
            found.append(f"TRY_CAST({column} AS BOOLEAN) = {literal(condition)}")
        else:
            found.append(f"TRY_CAST({column} AS DOUBLE) = {literal(condition)}")
    return found


def _check_columns(spec: Events, columns: Mapping[str, str]) -> None:
    wanted = [spec.entity, spec.time, *spec.where]
    for one in _all_aggregates(spec):
        wanted += one.where
        if not (isinstance(one, EventLabel) and one.none_within is not None) and one.column != ALL:
            wanted += [one.column, *([one.times] if one.times else [])]
    if missing := sorted(set(wanted) - set(columns)):
        raise ConfigurationError(
            f"the events have no column {', '.join(map(repr, missing))}; there are {', '.join(columns)}"
        )


def _check_numbers(connection: duckdb.DuckDBPyConnection, spec: Events, columns: Mapping[str, str]) -> None:
    """Every CSV's cell is a text, so what is summed or compared must be one of a number."""
    of_numbers = {one.column for one in spec.features.values() if one.name in _OF_NUMBERS}
    of_numbers |= {one.times for one in _all_aggregates(spec) if one.times is not None}
    if spec.label.none_within is None and spec.label.name in _OF_NUMBERS:
        of_numbers.add(spec.label.column)
    for where in (spec.where, *(one.where for one in _all_aggregates(spec))):
        of_numbers |= {name for name, condition in where.items() if isinstance(condition, Bound)}
    for name in sorted(of_numbers):
        if columns[name] != "VARCHAR":
            continue
        column = quoted(name)
        bad = first_row(
            connection,
            f"SELECT {ROW}, {column} FROM raw_events WHERE {column} IS NOT NULL "  # noqa: S608 - names are quoted
            f"AND TRY_CAST({column} AS DOUBLE) IS NULL ORDER BY 1",
        )
        if bad:
            raise ConfigurationError(
                f"events: column {name!r} must be of numbers, and row {bad[0] + 1} has {bad[1]!r}; put it among "
                "missing_values if it means that there is none"
            )


def _all_aggregates(spec: Events) -> list[Aggregate]:
    return [*spec.features.values(), spec.label]


def _note_events(connection: duckdb.DuckDBPyConnection, spec: Events, about: About) -> None:
    without = f"SELECT count(*) FROM raw_events WHERE {quoted(spec.entity)} IS NULL"  # noqa: S608 - the name is quoted
    found = first_row(connection, without)
    if found and found[0]:
        about.left_out[f"events without {spec.entity}"] = found[0]


def _mature_cuts(connection: duckdb.DuckDBPyConnection, spec: Events, us: str, about: About) -> list[datetime]:
    """Those whose label can't change any more: whether events go on past its horizon, all events tell."""
    newest = _one(connection, f"SELECT max({us}) FROM raw_events")  # noqa: S608 - the name is quoted
    oldest = _one(connection, f"SELECT min({quoted(_TIME)}) FROM events")  # noqa: S608 - as above
    if newest is None or oldest is None:
        raise ConfigurationError("events: there is no event that its conditions let through")
    last = newest - _length(spec.label.horizon)
    moments = spec.moments(_moment(oldest), _moment(last))
    mature = [cut for cut in moments if _us(cut) <= last]
    if not mature:
        raise ConfigurationError(
            f"events: no cut is old enough: the label looks {_said(spec.label.horizon)} ahead, and the events end "
            "before the first cut's horizon does"
        )
    if len(mature) < len(moments):
        about.left_out["cuts whose label's horizon ends after the events"] = len(moments) - len(mature)
    return mature


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> int | None:
    found = first_row(connection, query)
    return None if found is None else found[0]


def _said(span: timedelta) -> str:
    return f"{span.days} days" if span.days else f"{span.seconds} s"


def _moment(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def _us(moment: datetime) -> int:
    return round(moment.timestamp() * MICROSECONDS)


def _length(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
