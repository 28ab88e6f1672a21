"""Dead letters: a record that can't be processed as it is, kept with its bytes, its source position and the reason.

The value is the source record's value, unchanged; what was found is in headers that start with `deadletter.`, beside
the source's own headers, so that a replay gives the record back as it was. A value over `MAX_KEPT_BYTES` is kept as its
beginning, with its length and SHA-256.
"""

import hashlib
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field

from headrace.errors import Reason, TerminalError
from headrace.kafka import OnDelivery, RecordWriter

TOPIC = "deadletters"
PREFIX = "deadletter."
MAX_KEPT_BYTES = 900_000
"""Larger values are cut: with headers they would pass the size at which Kafka refuses a record."""
KEPT_WHEN_CUT = 65_536

Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class Source:
    """Where the record was: a Kafka position, or an MQTT topic and packet (`partition` and `offset` are then -1)."""

    topic: str
    partition: int = -1
    offset: int = -1


@dataclass(frozen=True)
class DeadLetter:
    """A dead letter as written and read.

    Attributes:
        received: microseconds UTC, when Headrace first saw the record; a replay keeps it.
        stage: the service and step that gave up, such as `process_readings.decode`.
        length, sha256: of the whole value, where it was cut.
    """

    source: Source
    stage: str
    reason: Reason
    detail: str
    received: int
    value: bytes
    key: bytes | None = None
    headers: Headers = ()
    stack: str = ""
    length: int = -1
    sha256: str = ""
    position: tuple[int, int] = field(default=(-1, -1), compare=False)

    @property
    def id(self) -> str:
        """`partition:offset` of the dead letter itself."""
        return f"{self.position[0]}:{self.position[1]}"

    @property
    def is_cut(self) -> bool:
        """Whether only the beginning of the value is kept."""
        return self.length > len(self.value)

    @classmethod
    def of(
        cls,
        error: TerminalError,
        source: Source,
        stage: str,
        received: int,
        value: bytes | None,
        key: bytes | None = None,
        headers: Headers = (),
    ) -> "DeadLetter":
        """Makes a dead letter of a record and what was wrong with it."""
        value = value or b""
        too_large = len(value) > MAX_KEPT_BYTES
        return cls(
            source=source,
            stage=stage,
            reason=error.reason,
            detail=error.detail[:2_000],
            received=received,
            value=value[:KEPT_WHEN_CUT] if too_large else value,
            key=key,
            headers=[(name, content) for name, content in headers if not name.startswith(PREFIX)],
            # An error that a rule only states was never raised, and has none.
            stack="".join(traceback.format_exception(error))[-8_000:] if error.__traceback__ else "",
            length=len(value),
            sha256=hashlib.sha256(value).hexdigest() if too_large else "",
        )

    def to_headers(self) -> list[tuple[str, bytes]]:
        """The headers of its Kafka record."""
        found = {
            "topic": self.source.topic,
            "partition": str(self.source.partition),
            "offset": str(self.source.offset),
            "stage": self.stage,
            "reason": self.reason.value,
            "detail": self.detail,
            "received": str(self.received),
            "stack": self.stack,
            "length": str(self.length),
            "sha256": self.sha256,
        }
        return [*self.headers, *((PREFIX + name, text.encode()) for name, text in found.items() if text)]

    @classmethod
    def from_record(
        cls, value: bytes | None, key: bytes | None, headers: Headers | None, position: tuple[int, int] = (-1, -1)
    ) -> "DeadLetter":
        """Reads a dead letter from its Kafka record at (partition, offset).

        Raises:
            TerminalError: the headers are not those of a dead letter.
        """
        ours = [(name, text) for name, text in headers or () if name.startswith(PREFIX)]
        found = {name.removeprefix(PREFIX): text.decode(errors="replace") for name, text in ours}
        try:
            return cls(
                source=Source(found["topic"], int(found["partition"]), int(found["offset"])),
                stage=found["stage"],
                reason=Reason(found["reason"]),
                detail=found.get("detail", ""),
                received=int(found["received"]),
                value=value or b"",
                key=key,
                headers=[(name, content) for name, content in headers or () if not name.startswith(PREFIX)],
                stack=found.get("stack", ""),
                length=int(found["length"]),
                sha256=found.get("sha256", ""),
                position=position,
            )
        except (KeyError, ValueError) as error:
            raise TerminalError(Reason.INVALID_RECORD, f"not a dead letter: {error!r}") from error


def send(writer: RecordWriter, letter: DeadLetter, on_delivery: OnDelivery | None = None) -> None:
    """Queues a dead letter; like any record it is safe only once its delivery is confirmed."""
    writer.produce(TOPIC, letter.value, letter.key, letter.to_headers(), on_delivery)
