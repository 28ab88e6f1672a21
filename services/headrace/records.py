"""The records that Headrace writes to Kafka, as structs, with their JSON encoding.

A record travels as JSON with its schema's name and version in the header `schema`, such as `reading.v1`. The schemas
under `schemas/records/` are made from these structs by `make schemas`, which refuses an incompatible change. Times are
microseconds since 1970-01-01 UTC.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from headrace.errors import Reason, TerminalError
from headrace.interactions import records as interactions
from headrace.models.records import Outcome, Prediction, Promotion

SCHEMA_HEADER = "schema"

TimeSource = Literal["device", "received"]


class Origin(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where a reading was in the raw topic; `index` counts the readings of one raw record."""

    topic: str
    partition: int
    offset: int
    index: int


class Reading(msgspec.Struct, omit_defaults=True, gc=False):
    """One value of one metric of one device at one time: `reading.v1`.

    Exactly one of number, integer, boolean and text is set. Identity is (site, device, metric, time), joined by
    `message_id` or `seq` where the device sends one. `n` is how many other readings of its time were there before, or a
    hash of the content (2^20 and up) where those are not known any more.
    """

    site: str
    device: str
    metric: str
    time: int
    time_source: TimeSource
    received: int
    origin: Origin
    decoder: str
    number: float | None = None
    integer: int | None = None
    boolean: bool | None = None
    text: str | None = None
    unit: str | None = None
    seq: int | None = None
    message_id: str | None = None
    n: int = 0
    device_time: int | None = None
    flags: tuple[str, ...] = ()

    @property
    def value(self) -> float | int | bool | str | None:
        """The one value that is set."""
        for value in (self.number, self.integer, self.boolean, self.text):
            if value is not None:
                return value
        return None


class Window(msgspec.Struct, omit_defaults=True, gc=False):
    """The readings of one metric of one device in [start, start + width): `window.v1`.

    `revision` is twice the count, plus one when final, so it grows with each change and a recomputation gives the same;
    `final` says that the allowed lateness has passed.
    `stddev` is that of the population.
    """

    site: str
    device: str
    metric: str
    start: int
    width: int
    count: int
    min: float
    max: float
    mean: float
    stddev: float
    last: float
    last_time: int
    revision: int
    final: bool = False
    unit: str | None = None


class Anomaly(msgspec.Struct, omit_defaults=True, gc=False):
    """A reading that a detector finds improbable: `anomaly.v1`.

    `id` is a hash of site, device, metric, time, n and detector family, without versions, so that the same event found
    again by a newer model is the same anomaly.
    """

    id: str
    site: str
    device: str
    metric: str
    time: int
    n: int
    value: float
    score: float
    threshold: float
    reason: str
    detector: str
    detector_version: str
    expected: float | None = None
    unit: str | None = None


FeedbackVerdict = Literal["true", "false", "expected"]
"""Whether an anomaly was one; `expected` is one that is odd indeed, but known and nothing to be told of."""


class AnomalyFeedback(msgspec.Struct, omit_defaults=True, gc=False):
    """What an operator says of an anomaly: `anomaly_feedback.v1`, of which the newest in the log counts.

    `id` to `detector` are the anomaly's. `given` is when it was said, `author` the name of the client that said it.
    """

    id: str
    site: str
    device: str
    metric: str
    time: int
    n: int
    detector: str
    verdict: FeedbackVerdict
    given: int
    author: str
    note: str | None = None


class Device(msgspec.Struct, omit_defaults=True, gc=False):
    """What is known of a device: `device.v1`, in the compacted topic `devices.registry`.

    `source` is `observed` where a processor saw the device first, `api` where a person or client set it; an observed
    record never replaces one that was set. `expected_interval` is in seconds.
    """

    site: str
    device: str
    type: str
    source: Literal["observed", "api"]
    first_seen: int
    updated: int
    zone: str = "UTC"
    labels: dict[str, str] = {}
    expected_interval: float | None = None


ColumnType = Literal["number", "boolean", "text"]


ROW_SCHEMAS = "sources.schemas"
"""The topic of the schemas."""


class RowSchema(msgspec.Struct, omit_defaults=True, gc=False):
    """What the rows of a source's own topic are: `row_schema.v1`, in the compacted topic `sources.schemas`.

    Rows are JSON objects with these columns; one that is missing or null has no value. `version` grows with each column
    that comes; none goes and none gets another type. `key` is the text, with columns in braces, that a row's key is
    made from. A row's header `schema` is the topic and the version, such as `sources.orders.v2`.
    """

    topic: str
    source: str
    version: int
    key: str
    columns: dict[str, ColumnType]
    updated: int


DeviceRecord = Reading | Window | Anomaly | AnomalyFeedback | Device
"""What is about a device, under the key `site/device`."""
InteractionRecord = (
    interactions.Interaction
    | interactions.Item
    | interactions.Erasure
    | interactions.UserFeatures
    | interactions.Session
    | interactions.Lesson
    | interactions.Recommendation
    | interactions.Exposure
    | interactions.ItemModel
    | interactions.RecommenderModel
    | interactions.ExperimentTotals
)
"""What is about people, items and recommendations."""
Record = DeviceRecord | RowSchema | Promotion | Prediction | Outcome | InteractionRecord

SCHEMAS: dict[str, type[Record]] = {
    "reading.v1": Reading,
    "window.v1": Window,
    "anomaly.v1": Anomaly,
    "anomaly_feedback.v1": AnomalyFeedback,
    "device.v1": Device,
    "row_schema.v1": RowSchema,
    "promotion.v1": Promotion,
    "prediction.v1": Prediction,
    "outcome.v1": Outcome,
    "interaction.v1": interactions.Interaction,
    "item.v1": interactions.Item,
    "erasure.v1": interactions.Erasure,
    "user_features.v1": interactions.UserFeatures,
    "session.v1": interactions.Session,
    "lesson.v1": interactions.Lesson,
    "recommendation.v1": interactions.Recommendation,
    "exposure.v1": interactions.Exposure,
    "item_model.v1": interactions.ItemModel,
    "recommender_model.v1": interactions.RecommenderModel,
    "experiment_totals.v1": interactions.ExperimentTotals,
}
_NAMES = {struct: name for name, struct in SCHEMAS.items()}
_HEADERS = {struct: [(SCHEMA_HEADER, name.encode())] for name, struct in SCHEMAS.items()}
_ENCODER = msgspec.json.Encoder()
_DECODERS = {name: msgspec.json.Decoder(struct) for name, struct in SCHEMAS.items()}

Headers = list[tuple[str, bytes]]


def schema_name(struct: type[Record]) -> str:
    """The name and version of a struct's schema, such as `reading.v1`."""
    return _NAMES[struct]


def encode(record: Record) -> bytes:
    """A record as JSON."""
    return _ENCODER.encode(record)


def headers_of(record: Record) -> Headers:
    """The headers with which a record is written; the list is shared, so do not change it."""
    return _HEADERS[type(record)]


def decode(value: bytes | None, headers: Sequence[tuple[str, bytes]] | None) -> Record:
    """Reads a record by the schema that its header names.

    Raises:
        TerminalError: there is no such schema, or the value does not fit it.
    """
    name = schema_of(headers)
    decoder = _DECODERS.get(name)
    if decoder is None:
        raise TerminalError(Reason.UNKNOWN_SCHEMA, f"header schema is {name!r}; known are {', '.join(SCHEMAS)}")
    if value is None:
        raise TerminalError(Reason.INVALID_RECORD, f"a {name} without a value")
    try:
        return decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise TerminalError(Reason.INVALID_RECORD, f"not a {name}: {error}") from error


def schema_of(headers: Sequence[tuple[str, bytes]] | None) -> str:
    """The schema that a record's headers name, or an empty text."""
    for name, value in headers or ():
        if name == SCHEMA_HEADER:
            return value.decode(errors="replace")
    return ""


def record_key(site: str, device: str) -> bytes:
    """The Kafka key of everything about a device: `site/device`; a device's name may hold slashes, a site's not."""
    return f"{site}/{device}".encode()


def split_key(key: bytes | None) -> tuple[str, str]:
    """Site and device of a key.

    Raises:
        TerminalError: the key is not `site/device`.
    """
    site, slash, device = (key or b"").decode(errors="replace").partition("/")
    if not (site and slash and device):
        raise TerminalError(Reason.INVALID_RECORD, f"key {key!r} is not site/device")
    return site, device
