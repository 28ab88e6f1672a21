"""A log line is one JSON object that a collector can read."""

import json
import logging
import sys

import pytest

from headrace.logs import JsonFormatter, OncePerMinute


def test_line_holds_fields_and_stack() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        record = logging.getLogger("x").makeRecord(
            "x", logging.ERROR, __file__, 1, "lost %d", (3,), sys.exc_info(), extra={"topic": "readings.raw"}
        )
    entry = json.loads(JsonFormatter("sink_cassandra").format(record))
    assert (entry["message"], entry["level"], entry["service"]) == ("lost 3", "ERROR", "sink_cassandra")
    assert entry["topic"] == "readings.raw"
    assert "ValueError: broken" in entry["stack"]


@pytest.mark.parametrize("odd", ["two\nlines", "\x00", "ü"])
def test_line_stays_one_line(odd: str) -> None:
    record = logging.getLogger("x").makeRecord("x", logging.INFO, __file__, 1, odd, (), None)
    line = JsonFormatter("s").format(record)
    assert "\n" not in line and json.loads(line)["message"] == odd


def test_a_kind_of_broker_report_passes_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("test.librdkafka")
    logger.addFilter(OncePerMinute())
    for report in ("FAIL [api] refused", "FAIL [api] refused again", "FAIL [sink] refused", "OTHER [api] x"):
        logger.warning(report)
    assert [record.message for record in caplog.records] == [
        "FAIL [api] refused",
        "FAIL [sink] refused",
        "OTHER [api] x",
    ]
