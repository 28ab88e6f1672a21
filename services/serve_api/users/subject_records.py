"""Reads the table of records about persons, a page at a time, the oldest month first."""

from headrace.clock import Clock
from headrace.errors import Reason, TerminalError
from headrace.interactions.records import Interaction, Recommendation
from headrace.records import SCHEMA_HEADER, decode
from headrace.tables import MONTHS_KEPT, months_before
from serve_api.cassandra_client import CassandraClient, Row
from serve_api.events.turns import Turns
from serve_api.scan import Entry, Found, Page, Position, scan

Stored = Interaction | Recommendation
SHAPE = (int, int, str, str)
"""Types of a position: month in milliseconds, time in microseconds, id and kind."""
STATEMENTS = {
    "subject_records": "SELECT time, id, kind, record_schema, record FROM subject_records "
    "WHERE site = ? AND subject = ? AND month = ? AND (time, id, kind) > (?, ?, ?)"
}
_BEFORE_ALL: Position = (-(2**63), "", "")
MAX_RECORDS = 1_000
MAX_BYTES = 1_048_576
"""Of the records of a page, which ends with the one that goes beyond it: one alone may have 90 kB."""
_PAGE_ROWS = 100


class SubjectRecords:
    """What sink_cassandra has stored of a subject."""

    def __init__(self, client: CassandraClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def page(self, site: str, subject: str, after: Position | None, limit: int) -> Found[Stored]:
        """The records behind a position, at most `limit`, and some `MAX_BYTES`.

        Raises:
            StoreUnavailable: Cassandra does not answer.
            TerminalError: a record is of a schema that this version does not know.
        """
        first = int(after[0]) if after else 0
        months = [month for month in months_before(self._clock.now_us(), MONTHS_KEPT) if month >= first]
        size = min(limit + 1, _PAGE_ROWS)
        kept_bytes = 0

        async def fetch(month: int, state: bytes | None) -> Page[Entry[Row]]:
            behind = after[1:] if after and month == first else _BEFORE_ALL
            page = await self._client.page("subject_records", (site, subject, month, *behind), size, state)
            return Page([((month, *row[:3]), row) for row in page.rows], page.state)

        def keep(_: Position, row: Row) -> bool:
            nonlocal kept_bytes
            kept_bytes += len(row[-1])
            return True

        found = await scan(months, fetch, keep, limit, limit + 1, lambda: kept_bytes >= MAX_BYTES)
        turns = Turns()
        records = []
        for row in found.items:
            await turns.before(len(row[-1]))
            records.append(_record(row))
        return Found(records, found.reached)


def _record(row: Row) -> Stored:
    *_, schema, text = row
    record = decode(text.encode(), [(SCHEMA_HEADER, schema.encode())])
    if not isinstance(record, Interaction | Recommendation):
        raise TerminalError(Reason.UNKNOWN_SCHEMA, f"a {schema} among the records about persons")
    return record
