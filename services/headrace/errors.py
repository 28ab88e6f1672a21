"""The error tree. The type of an error says what happens to the record that met it.

HeadraceError
├── TransientError          back off and try again; nothing is committed, the source is held back
│   ├── DeliveryError       Kafka did not confirm a record
│   └── SinkBackpressure    a store asks for a pause of its partitions
├── TerminalError           this one record goes to the dead letters, the rest goes on
└── ConfigurationError      the process cannot start; the message says what to change

Any other exception ends the process without a commit.
"""

from collections.abc import Sequence
from enum import StrEnum


class Reason(StrEnum):
    """Why a record became a dead letter: a bounded set, as it labels a metric."""

    EMPTY_BODY = "empty_body"
    TOO_LARGE = "too_large"
    INVALID_UTF8 = "invalid_utf8"
    MALFORMED_JSON = "malformed_json"
    MALFORMED_CBOR = "malformed_cbor"
    INVALID_SENML = "invalid_senml"
    TOO_DEEP = "too_deep"
    NO_ROUTE = "no_route"
    NO_READINGS = "no_readings"
    UNSUPPORTED_FORMAT = "unsupported_format"
    UNEXPECTED_SHAPE = "unexpected_shape"
    INVALID_TIME = "invalid_time"
    DEVICE_MISMATCH = "device_mismatch"
    UNKNOWN_SCHEMA = "unknown_schema"
    INVALID_RECORD = "invalid_record"
    REFUSED_BY_STORE = "refused_by_store"
    MALFORMED_ROW = "malformed_row"
    REFUSED_BY_RULE = "refused_by_rule"


class HeadraceError(Exception):
    """Base of all errors that Headrace raises on purpose."""


class TransientError(HeadraceError):
    """It may work later: back off, retry, commit nothing."""


class DeliveryError(TransientError):
    """Kafka did not confirm one or more records; whether they are in the log is unknown.

    Args:
        unconfirmed: records still on their way, which may yet arrive.
        failed: what the brokers or the client gave up on, in words.
    """

    def __init__(self, unconfirmed: int, failed: Sequence[str]) -> None:
        super().__init__(f"{unconfirmed} records unconfirmed, {len(failed)} failed: {'; '.join(failed[:3])}")
        self.unconfirmed = unconfirmed
        self.failed = tuple(failed)


class SinkBackpressure(TransientError):
    """A sink asks that its partitions be paused.

    Args:
        retry_after: seconds until the batch should be offered again.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TerminalError(HeadraceError):
    """This record can never be processed as it is.

    Args:
        reason: the bounded reason by which dead letters are counted.
        detail: what exactly is wrong, for the person who mends it.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class ConfigurationError(HeadraceError):
    """A setting or a file is wrong; the message names it and how to mend it."""
