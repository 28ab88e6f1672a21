"""The standard job: what counts, what is an anomaly, and that no batching and no restart changes a byte."""

import json
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headrace.streams.batch import Batch, OutRecord
from loadtest.standard_job import JobState, StandardJob, Topics

T0 = 1_760_000_000
APPENDED = (T0 + 100_000) * 1_000_000
DAY_US = 86_400_000_000
Record = tuple[bytes | None, bytes | None, int]


def record(second: float, value: Any = 20.0, device: str = "d1", after_us: int = 0) -> Record:
    reading = {"device_id": device, "metric": "temperature", "value": value, "ts": T0 + second}
    return device.encode(), json.dumps(reading).encode(), APPENDED + after_us


class Run:
    """The job over batches; `restart` goes on from the cells alone."""

    def __init__(self, lateness_s: int = 0, idle_us: int = 7 * DAY_US) -> None:
        self.job = StandardJob(Topics("windows", "anomalies", "late"), lateness_s * 1_000_000, idle_us)
        self.state: JobState = self.job.new_state()
        self.outputs: list[OutRecord] = []
        self.log: dict[bytes, bytes] = {}

    def send(self, *records: Record) -> None:
        keys, values, timestamps = zip(*records, strict=True)
        count = len(records)
        batch = Batch("readings", 3, range(count), timestamps, keys, values, [()] * count)
        self.outputs += self.job.process(self.state, batch)

    def restart(self) -> None:
        for key, content in self.state.take_changes():
            if content is None:
                del self.log[key]
            else:
                self.log[key] = content
        self.state = self.job.new_state()
        self.state.restore(self.log)

    def of(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(output.value or b"") for output in self.outputs if output.topic == topic]


def test_window_gives_the_aggregates_of_its_device() -> None:
    run = Run()
    run.send(record(0, 1.5), record(9.999, -2.5), record(3, 7.0), record(1, 9.0, "d2"), record(10, 0.0))
    (output,) = [output for output in run.outputs if output.topic == "windows"]
    assert (output.key, output.partition) == (b"d1", 3)
    assert run.of("windows") == [
        {
            "device_id": "d1",
            "start": T0 * 1_000_000,
            "end": (T0 + 10) * 1_000_000,
            "count": 3,
            "sum": 6.0,
            "min": -2.5,
            "max": 7.0,
            "last": -2.5,
            "last_ts": T0 * 1_000_000 + 9_999_000,
            "final": True,
            "revision": 7,
        }
    ]


def test_what_is_no_reading_is_counted_and_costs_itself_alone() -> None:
    run = Run()
    key, good, appended = record(1)
    broken = [None, b"", b"{", b"[" * 9_999, b"\xff", b'"x"', good[:-1] if good else b"", b'{"device_id": "d1"}']
    types: list[Any] = ["20.0", None, True, [], {}]
    typed = [record(1, value)[1] for value in types]
    run.send((key, good, appended), *((key, value, appended) for value in (*broken, *typed)), (None, good, appended))
    run.send(
        record(2, -50.0), record(2, 150.0), record(2, 1e300), record(1e12), record(-2.0 * T0), record(3), record(10)
    )
    counts = run.job.counts
    assert (counts.received, counts.broken, counts.out_of_range) == (22, 14, 5)
    assert run.of("windows")[0]["count"] == 2


def test_late_reading_goes_to_its_topic_as_it_came() -> None:
    run = Run(lateness_s=10)
    run.send(record(0), record(20), record(9.5), record(9.75))
    assert [(output.key, output.value) for output in run.outputs if output.topic == "late"] == [
        record(9.5)[:2],
        record(9.75)[:2],
    ]
    assert run.job.counts.late == 2


def test_outlier_is_named_with_its_score() -> None:
    run = Run()
    values = [20.0, 21.0] * 30 + [60.0]
    run.send(*(record(second, value) for second, value in enumerate(values)))
    (anomaly,) = [found for found in run.of("anomalies") if found["value"] == 60.0]
    mean, variance = moments(values[:-1])
    assert anomaly["score"] == (60.0 - mean) / math.sqrt(variance)
    assert anomaly["ts"] == (T0 + 60) * 1_000_000


def moments(values: Sequence[float]) -> tuple[float, float]:
    """As `loadtest/peers/quix_job.py` has it."""
    mean, variance = values[0], 0.0
    for value in values[1:]:
        distance = value - mean
        mean, variance = mean + 0.05 * distance, 0.95 * (variance + 0.05 * distance * distance)
    return mean, variance


@st.composite
def streams(draw: st.DrawFn) -> list[Record]:
    """Enough devices that some rounds are taken as vectors and some one by one."""
    device = st.integers(0, 30) | st.integers(0, 2)
    step = st.sampled_from([0.0, 0.1, 0.5, 2.0, 11.0])
    back = st.sampled_from([0.0, 0.0, 0.0, 0.3, 5.0, 12.0])
    wait = st.sampled_from([0, 0, 0, 0, 1_000, DAY_US, 3 * DAY_US])
    value = st.floats(-60, 160, width=32) | st.just(None)
    records, now, appended = [], 0.0, 0
    for which, moved, away, found, waited in draw(st.lists(st.tuples(device, step, back, value, wait), max_size=150)):
        now, appended = now + moved, appended + waited
        records.append(record(max(0.0, now - away), found, f"d{which}", appended))
    return records


@given(streams(), st.sampled_from([0, 10]), st.lists(st.integers(0, 150)), st.lists(st.integers(0, 150)))
def test_no_batching_and_no_restart_changes_a_byte(
    records: list[Record], lateness_s: int, cuts: list[int], others: list[int]
) -> None:
    first, second = Run(lateness_s, 2 * DAY_US), Run(lateness_s, 2 * DAY_US)
    for run, places in ((first, cuts), (second, others)):
        for begin, end in pairwise(sorted({0, len(records), *(cut % (len(records) + 1) for cut in places)})):
            run.send(*records[begin:end])
            if run is second:
                run.restart()
    for topic in ("windows", "anomalies", "late"):
        written = [[output for output in run.outputs if output.topic == topic] for run in (first, second)]
        assert written[0] == written[1]
    first.restart()
    second.restart()
    assert first.log == second.log


def test_device_that_is_silent_for_long_is_forgotten_with_its_last_window_final() -> None:
    run = Run(lateness_s=10, idle_us=2 * DAY_US)
    run.send(record(0, device="gone"), record(0, device="here"))
    run.restart()
    run.send(record(5, device="here", after_us=3 * DAY_US))
    assert [(found["device_id"], found["count"], found["final"]) for found in run.of("windows")] == [
        ("gone", 1, True),
        ("here", 1, True),
    ]
    run.restart()
    assert len(run.state) == 1
