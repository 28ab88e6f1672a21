"""Samples of the time from device to store."""

from headrace.records import headers_of
from headrace.streams.batch import Batch
from sink_cassandra.latency import SAMPLES, latencies
from tests.unit.sink_cassandra.records import NOW, batch, reading, window


def test_a_batch_gives_few_samples_in_seconds() -> None:
    found = latencies([batch("readings.clean", *[reading()] * 100)], NOW + 2_500_000)
    assert set(found) == {2.5}
    assert 0 < len(found) <= SAMPLES


def test_readings_without_a_time_of_their_own_and_other_topics_give_none() -> None:
    batches = [
        batch("readings.clean", reading(time_source="received")),
        batch("readings.windows", window()),
        batch("readings.late", reading()),
    ]
    assert latencies(batches, NOW) == []


def test_a_record_that_cannot_be_read_gives_none() -> None:
    broken = Batch("readings.clean", 0, [1], [NOW], [b"k"], [b"{"], [headers_of(reading())])
    assert latencies([broken], NOW) == []
