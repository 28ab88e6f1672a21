"""Rows to Kafka records: a table's good rows to the source's topic, its bad ones to the dead letters."""

from collections.abc import Iterable

import polars as pl

from headrace import raw
from headrace.deadletter import TOPIC as DEADLETTERS
from headrace.deadletter import DeadLetter
from headrace.deadletter import Source as Position
from headrace.deadletter_topic import SOURCES
from headrace.errors import ConfigurationError, Reason, TerminalError
from headrace.raw import Format
from headrace.records import SCHEMA_HEADER
from headrace.streams.batch import ANY_PARTITION, OutRecord
from headrace.streams.transaction import MAX_RECORD_BYTES
from ingest_sources.interaction_rows import People, interactions
from ingest_sources.into import READINGS, Into, IntoInteractions, IntoItems, IntoReadings, columns_of_into
from ingest_sources.item_rows import items
from ingest_sources.row_origin import Origin
from ingest_sources.rows import ROW, BadRow, check_columns, is_bare, with_columns
from ingest_sources.rules.personal import IsHidden
from ingest_sources.rules.steps import Refused
from ingest_sources.text_template import columns_of, filled

STAGE = "ingest_sources"
_KEY = "__key__"
_FRAME_BYTES = 4_096
"""More than the headers and the frame of a record of ours take."""


def to_records(
    table: pl.DataFrame,
    into: Into,
    origin: Origin,
    is_free_form: bool = False,
    version: int = 0,
    op_column: str = "",
    people: People | None = None,
    is_hidden: IsHidden = IsHidden(None),  # noqa: B008 - it has no state
) -> tuple[list[OutRecord], list[Refused]]:
    """The records of good rows, in their order, and the rows that have no key or nothing to say.

    Args:
        is_free_form: rows need not have the columns that the configuration names.
        version: of the schema of an own topic; 0 is none.
        op_column: the column, if it is there, that says `delete` of a row that went; its record says so in a header.
        people: who gives the subjects of interactions.
        is_hidden: which columns are personal, so that no refusal may show their values.

    Raises:
        ConfigurationError: a column that the configuration names is not there.
        TransientError: subjects can't be known now.
    """
    if is_bare(table):
        # No row of this part could be read, so it has no columns that could be missing.
        return [], []
    if is_free_form:
        table = with_columns(table, columns_of_into(into))
    if isinstance(into, IntoReadings):
        return _readings(table, into, origin)
    if isinstance(into, IntoInteractions):
        assert people is not None  # noqa: S101 - the source could not start without
        return interactions(table, into, origin, people, is_hidden)
    if isinstance(into, IntoItems):
        return items(table, into, origin, op_column)
    check_columns(table, columns_of(into.key), "into.key")
    content = table.drop(ROW)
    keyed = table.select(ROW, filled(into.key).alias(_KEY))
    headers = origin.headers()
    if version:
        headers.append((SCHEMA_HEADER, f"{into.topic}.v{version}".encode()))
    records, refused = _records(into.topic, keyed, content, headers, f"key {into.key!r}: a column of it is empty")
    if op_column in table.columns:
        records = _with_deletes(records, table.filter(pl.col(op_column) == raw.DELETE)[ROW].to_list())
    return records, refused


def dead_letters(bad: Iterable[BadRow], origin: Origin) -> list[OutRecord]:
    """A dead letter for each bad row."""
    return [_dead_letter(row, origin) for row in bad]


def _readings(table: pl.DataFrame, into: IntoReadings, origin: Origin) -> tuple[list[OutRecord], list[Refused]]:
    named = [*columns_of(into.site), *columns_of(into.device)]
    check_columns(table, columns_of_into(into), "into")
    metrics = into.metrics or [c for c in table.columns if c not in (ROW, into.time, *named)]
    if not metrics:
        raise ConfigurationError("into: no column is left to be a metric; name some under `metrics`")
    is_silent = pl.all_horizontal(pl.col(metrics).is_null())
    silent = table.filter(is_silent)[ROW].to_list()
    spoken = table.filter(~is_silent)
    key = pl.concat_str([filled(into.site), pl.lit("/"), filled(into.device)])
    headers = [(raw.FORMAT, Format.JSON.value.encode()), *origin.headers()]
    if into.device_type:
        headers.append((raw.DEVICE_TYPE, into.device_type.encode()))
    content = spoken.select(pl.col(into.time).alias("time"), *metrics)
    what = f"device {into.device!r} or site {into.site!r}: a column of it is empty"
    records, refused = _records(READINGS, spoken.select(ROW, key.alias(_KEY)), content, headers, what)
    nothing = f"no metric has a value: {', '.join(metrics)}"
    refused += [Refused(number, nothing, Reason.NO_READINGS) for number in silent]
    return records, refused


def _records(
    topic: str, keyed: pl.DataFrame, content: pl.DataFrame, headers: list[tuple[str, bytes]], no_key: str
) -> tuple[list[OutRecord], list[Refused]]:
    # Lists of plain values: what is done for each row must be little, and polars is asked once for all.
    values = content.write_ndjson().encode().split(b"\n")
    numbers = keyed[ROW].to_list()
    keys = keyed.select(pl.col(_KEY).cast(pl.Binary)).to_series().to_list()
    places = keyed[ROW].cast(pl.String).cast(pl.Binary).to_list()
    records, refused = [], []
    make, room = OutRecord._make, MAX_RECORD_BYTES - _FRAME_BYTES
    for number, key, value, place in zip(numbers, keys, values, places, strict=False):
        if key is None:
            refused.append(Refused(number, no_key, Reason.REFUSED_BY_RULE))
        elif len(value) + len(key) > room:
            detail = f"a record of {len(value)} bytes; {MAX_RECORD_BYTES} fit"
            refused.append(Refused(number, detail, Reason.TOO_LARGE))
        else:
            records.append(make((topic, key, value, [*headers, (raw.SOURCE_ROW, place)], ANY_PARTITION)))
    return records, refused


def _with_deletes(records: list[OutRecord], deleted: Iterable[int]) -> list[OutRecord]:
    """The records, of which those of deleted rows say so."""
    places = {b"%d" % number for number in deleted}
    if not places:
        return records
    delete = (raw.SOURCE_OP, raw.DELETE.encode())
    return [
        record._replace(headers=[*record.headers, delete]) if record.headers[-1][1] in places else record
        for record in records
    ]


def _dead_letter(row: BadRow, origin: Origin) -> OutRecord:
    position = Position(f"{SOURCES}{origin.source}/{origin.file}", offset=row.number)
    error = TerminalError(row.reason, f"row {row.number}: {row.detail}" if row.number > 0 else row.detail)
    headers = [*origin.headers(), (raw.SOURCE_ROW, b"%d" % row.number)]
    letter = DeadLetter.of(error, position, STAGE, origin.received, row.original, None, headers)
    return OutRecord(DEADLETTERS, None, letter.value, letter.to_headers())
