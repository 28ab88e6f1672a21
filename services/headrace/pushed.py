"""The contract of `sources.pushed`: the body of a request as it was sent, and headers that say what came with it.

serve_api writes these records, ingest_sources reads them. The key is the source's name, so a source's pushes are in one
partition, in the order in which they were accepted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from headrace import raw
from headrace.errors import Reason, TerminalError

TOPIC = "sources.pushed"
MAX_BYTES = 900_000
"""Of a body: with its headers it fits a record, and a dead letter keeps it whole."""
CONTENT_TYPE = "content_type"
KEY_ID = "key_id"


class BodyType(StrEnum):
    """What a body can be."""

    JSON = "application/json"
    NDJSON = "application/x-ndjson"
    CSV = "text/csv"


@dataclass(frozen=True)
class Push:
    """One body.

    Attributes:
        id: the sender's own, the same when it sends the body again: its `webhook-id`.
        received: microseconds UTC at which Headrace took it.
        key_id: of the key that it was signed with.
    """

    source: str
    id: str
    received: int
    content_type: BodyType
    key_id: str
    body: bytes = field(repr=False)

    @property
    def key(self) -> bytes:
        """That of its record."""
        return self.source.encode()

    def headers(self) -> list[tuple[str, bytes]]:
        """Those of its record."""
        return [
            (raw.SOURCE, self.source.encode()),
            (raw.RECEIVED, str(self.received).encode()),
            (raw.MESSAGE_ID, self.id.encode()),
            (CONTENT_TYPE, self.content_type.encode()),
            (KEY_ID, self.key_id.encode()),
        ]

    @classmethod
    def from_record(cls, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> "Push":
        """Reads the record back.

        Raises:
            TerminalError: something else than `headers` gives was written.
        """
        found = {name: content.decode(errors="replace") for name, content in headers}
        try:
            return cls(
                source=found[raw.SOURCE],
                id=found[raw.MESSAGE_ID],
                received=int(found[raw.RECEIVED]),
                content_type=BodyType(found[CONTENT_TYPE]),
                key_id=found[KEY_ID],
                body=value or b"",
            )
        except (KeyError, ValueError) as error:
            raise TerminalError(Reason.INVALID_RECORD, f"not a record of {TOPIC}: {error!r}") from error
