"""JSON logs on standard error, one object a line.

INFO is for start, stop and assignment; WARNING for what a person may want to know; ERROR means that data is at
risk or that a person is needed. Nothing is logged per message.
"""

import json
import logging
import sys
import time
from datetime import UTC, datetime

KAFKA_LOGGER = "librdkafka"
_KAFKA_LOGGERS = (
    KAFKA_LOGGER,
    "aiokafka",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.coordinator.base",
)
_KAFKA_REPORT_EVERY_S = 60.0

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Formats a record as JSON; what was passed as `extra` becomes fields."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry.update({name: value for name, value in record.__dict__.items() if name not in _STANDARD})
        if record.exc_info:
            entry["stack"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str, ensure_ascii=False)


class OncePerMinute(logging.Filter):
    """Lets a kind of report of a Kafka client, named by its first two words, pass once a minute.

    They tell of an absent broker several times a second, for as long as it is away.
    """

    def __init__(self) -> None:
        super().__init__()
        self._passed: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind = " ".join(record.getMessage().split()[:2])
        now = time.monotonic()
        if now - self._passed.get(kind, -_KAFKA_REPORT_EVERY_S) < _KAFKA_REPORT_EVERY_S:
            return False
        self._passed[kind] = now
        return True


def configure_logs(service: str, level: str = "INFO") -> None:
    """Sends every logger of the process to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for kafka in map(logging.getLogger, _KAFKA_LOGGERS):
        if not any(isinstance(known, OncePerMinute) for known in kafka.filters):
            kafka.addFilter(OncePerMinute())
