"""A dead letter gives its record back as it was."""

import hashlib

import pytest

from headrace.deadletter import KEPT_WHEN_CUT, MAX_KEPT_BYTES, DeadLetter, Source
from headrace.deadletter_topic import replay
from headrace.errors import Reason, TerminalError
from headrace.testing import FakeProducer

ERROR = TerminalError(Reason.MALFORMED_JSON, "line 1 column 3")
HEADERS = [("format", b"json"), ("received", b"17"), ("deadletter.reason", b"forged")]


def letter(value: bytes | None = b"{no", topic: str = "readings.raw") -> DeadLetter:
    return DeadLetter.of(ERROR, Source(topic, 2, 99), "process_readings.decode", 17, value, b"s/d", HEADERS)


def test_written_and_read_it_is_the_same() -> None:
    written = letter()
    read = DeadLetter.from_record(written.value, written.key, written.to_headers(), (1, 4))
    assert read == written
    assert (read.id, read.reason, read.source) == ("1:4", Reason.MALFORMED_JSON, Source("readings.raw", 2, 99))


def test_headers_that_a_sender_forged_are_not_kept() -> None:
    assert letter().headers == [("format", b"json"), ("received", b"17")]


def test_value_over_the_limit_is_kept_as_beginning_length_and_hash() -> None:
    value = b"x" * (MAX_KEPT_BYTES + 1)
    cut = letter(value)
    assert cut.is_cut and cut.value == value[:KEPT_WHEN_CUT]
    assert (cut.length, cut.sha256) == (len(value), hashlib.sha256(value).hexdigest())
    assert not letter(b"x" * MAX_KEPT_BYTES).is_cut


def test_replay_gives_the_record_back_to_its_source() -> None:
    writer = FakeProducer()
    assert replay(writer, letter()) == ""
    (record,) = writer.records
    assert (record.topic, record.key, record.value) == ("readings.raw", b"s/d", b"{no")
    assert record.headers == {"format": b"json", "received": b"17"}


@pytest.mark.parametrize("refused", [letter(topic="devices/x"), letter(b"x" * (MAX_KEPT_BYTES + 1))])
def test_replay_says_why_it_cannot(refused: DeadLetter) -> None:
    writer = FakeProducer()
    assert replay(writer, refused)
    assert writer.records == []


def test_record_without_its_headers_is_refused() -> None:
    with pytest.raises(TerminalError, match="not a dead letter"):
        DeadLetter.from_record(b"x", b"k", [("format", b"json")])
