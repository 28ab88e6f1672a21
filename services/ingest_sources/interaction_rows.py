"""Rows to interactions: each an event by the rules of the API, under the subject of its person."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import polars as pl

from headrace import raw
from headrace.errors import Reason
from headrace.interactions.event import NO_ID, Event, event_of
from headrace.interactions.fault import FieldFault
from headrace.interactions.fault import Refused as RefusedEvent
from headrace.interactions.limits import Limits
from headrace.interactions.records import RAW
from headrace.interactions.take import interaction_of
from headrace.records import encode, headers_of
from headrace.streams.batch import ANY_PARTITION, OutRecord
from headrace.subjects.subject import Subject
from ingest_sources.into import IntoInteractions, columns_of_into
from ingest_sources.row_origin import Origin
from ingest_sources.rows import ROW, check_columns
from ingest_sources.rules.steps import Refused
from ingest_sources.text_template import columns_of, filled

ANY_AGE = Limits(max_age_us=None)
_SITE = "__site__"
_ID_BYTES = 16
_PLAIN = (pl.String, pl.Boolean, pl.Null)
Hides = Callable[[str], bool]


class People(Protocol):
    """Who a person is in all records: `headrace.subjects.subjects.Subjects`."""

    def subjects_of(self, site: str, names: Sequence[str]) -> list[Subject]:
        """The subjects of people, made where there are none; a name may be there many times.

        Raises:
            TransientError: they can't be known now.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    site: str
    event: Event
    given: Mapping[str, Any]


def interactions(
    table: pl.DataFrame, into: IntoInteractions, origin: Origin, people: People, is_hidden: Hides
) -> tuple[list[OutRecord], list[Refused]]:
    """The records of good rows, in their order, and what is wrong with the others.

    People are looked up once for all rows.

    Raises:
        ConfigurationError: a column that the configuration names is not there.
        TransientError: subjects can't be known now.
    """
    check_columns(table, columns_of_into(into), "into")
    rows: list[_Row] = []
    refused: list[Refused] = []
    for number, site, given in _given(table, into):
        if not site:
            refused.append(Refused(number, f"site {into.site!r}: a column of it is empty", Reason.REFUSED_BY_RULE))
            continue
        try:
            rows.append(_Row(number, site, event_of(given, origin.received, ANY_AGE), given))
        except RefusedEvent as refusal:
            refused.append(Refused(number, _told(refusal.faults, into, is_hidden), Reason.REFUSED_BY_RULE))
    id_is_hidden = any(map(is_hidden, columns_of(into.id or "")))
    common = origin.headers()
    records = []
    for row, subject in zip(rows, _subjects_of(rows, people), strict=True):
        event = _with_id(row, origin, subject, id_is_hidden)
        interaction = interaction_of(event, subject, row.site, origin.received)
        headers = [*headers_of(interaction), *common, (raw.SOURCE_ROW, b"%d" % row.number)]
        records.append(OutRecord(RAW, subject.id.encode(), encode(interaction), headers, ANY_PARTITION))
    return records, refused


def _given(table: pl.DataFrame, into: IntoInteractions) -> Iterator[tuple[int, str | None, dict[str, Any]]]:
    """Number and site of each row, and its event as a client would send it."""
    fields = {
        **{name: filled(template) for name, template in into.templates.items()},
        **{name: plain_value(table, column) for name, column in into.columns.items()},
    }
    frames = {
        name: table.select(plain_value(table, column) for column in columns)
        for name, columns in (("context", into.context), ("personal", into.personal))
        if columns
    }
    own = table.select(ROW, filled(into.site).alias(_SITE), *(value.alias(name) for name, value in fields.items()))
    parts = {name: frame.to_dicts() for name, frame in frames.items()}
    for at, given in enumerate(own.iter_rows(named=True)):
        number, site = given.pop(ROW), given.pop(_SITE)
        given.update({name: found[at] for name, found in parts.items()})
        yield number, site, given


def plain_value(table: pl.DataFrame, column: str) -> pl.Expr:
    """A column as JSON can have it: numbers, booleans, and texts of all else."""
    kind = table.schema[column]
    is_plain = kind in _PLAIN or kind.is_integer() or kind.is_float()
    return pl.col(column) if is_plain else pl.col(column).cast(pl.String)


def _subjects_of(rows: Sequence[_Row], people: People) -> list[Subject]:
    by_site: dict[str, dict[str, None]] = {}
    for row in rows:
        by_site.setdefault(row.site, {})[row.event.person] = None
    found: dict[tuple[str, str], Subject] = {}
    for site, names in by_site.items():
        for name, subject in zip(names, people.subjects_of(site, list(names)), strict=True):
            found[site, name] = subject
    return [found[row.site, row.event.person] for row in rows]


def _with_id(row: _Row, origin: Origin, subject: Subject, is_hidden: bool) -> Event:
    """The event with an id: the row's own, under the subject's key where it is made of what is personal.

    One without has an id of its place and of what it says, since a place may hold another row tomorrow.
    """
    event = row.event
    if event.id is not None and not is_hidden:
        return event
    if event.id is not None:
        digest = hashlib.blake2b(event.id.encode(), key=subject.key, digest_size=_ID_BYTES, person=b"row")
    else:
        says = [row.given.get(name) for name in ("kind", "item", "time", "value", "quantity", "position", "consent")]
        content = msgspec.json.encode([origin.source, origin.file, row.number, *says])
        digest = hashlib.blake2b(content, digest_size=_ID_BYTES, person=b"row")
    flags = tuple(flag for flag in event.flags if flag != NO_ID)
    return msgspec.structs.replace(event, id=digest.hexdigest(), flags=flags)


def _told(faults: Sequence[FieldFault], into: IntoInteractions, is_hidden: Hides) -> str:
    """What is wrong in words; without the value of a field that is personal."""
    parts = []
    for fault in faults:
        field = fault.name.partition(".")[0]
        columns = _columns_of_field(field, into)
        hides = field == "personal" or any(map(is_hidden, columns))
        named = f"{field}, of {', '.join(columns)}" if columns else field
        parts.append(f"{named}: {'' if hides else fault.problem + '; '}{fault.mend}")
    return "; ".join(parts)


def _columns_of_field(field: str, into: IntoInteractions) -> list[str]:
    if field in into.columns:
        return [into.columns[field]]
    if field in ("context", "personal"):
        return list(getattr(into, field))
    return columns_of(into.templates.get(field, ""))
