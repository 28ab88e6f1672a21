"""Reads the table of records about persons, a page at a time, the oldest month first."""

from headrace.clock import Clock
from headrace.errors import Reason, TerminalError
from headrace.interactions.records import Interaction, Recommendation
from headrace.records import SCHEMA_HEADER, decode
from headrace.tables import MONTHS_KEPT, months_before
from serve_api.cassandra_client import CassandraClient, Row
from serve_api.scan import Entry, Found, Page, Position, scan

Stored = Interaction | Recommendation
SHAPE = (int, int, str, str)
"""Types of a position: month in milliseconds, time in microseconds, id and kind."""
STATEMENTS = {
    "subject_records": "SELECT time, id, kind, record_schema, record FROM subject_records "
    "WHERE site = ? AND subject = ? AND month = ? AND (time, id, kind) > (?, ?, ?)"
}
_BEFORE_ALL: Position = (-(2**63), "", "")
_PAGE_ROWS = 1_000


class SubjectRecords:
    """What sink_cassandra has stored of a subject."""

    def __init__(self, client: CassandraClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def page(self, site: str, subject: str, after: Position | None, limit: int) -> Found[Stored]:
        """The records behind a position, at most `limit`.

        Raises:
            StoreUnavailable: Cassandra does not answer.
            TerminalError: a record is of a schema that this version does not know.
        """
        first = int(after[0]) if after else 0
        months = [month for month in months_before(self._clock.now_us(), MONTHS_KEPT) if month >= first]
        size = min(limit + 1, _PAGE_ROWS)

        async def fetch(month: int, state: bytes | None) -> Page[Entry[Stored]]:
            behind = after[1:] if after and month == first else _BEFORE_ALL
            page = await self._client.page("subject_records", (site, subject, month, *behind), size, state)
            return Page([_entry(month, row) for row in page.rows], page.state)

        return await scan(months, fetch, lambda position, record: True, limit, limit + 1)


def _entry(month: int, row: Row) -> Entry[Stored]:
    time, identity, kind, schema, text = row
    record = decode(text.encode(), [(SCHEMA_HEADER, schema.encode())])
    if not isinstance(record, Interaction | Recommendation):
        raise TerminalError(Reason.UNKNOWN_SCHEMA, f"a {schema} among the records about persons")
    return (month, time, identity, kind), record
