"""The state is kept as cells: what comes after a restart from them is what had come without it."""

import os
import subprocess
import sys
from base64 import b64decode
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headrace.records import Device, FeedbackVerdict
from process_readings.device_state import MAX_METRICS, PAGE_SERIES
from process_readings.rows import CHUNK_ROWS
from tests.unit.process_readings.driver import Driver, Raw, feedback, telemetry, types_of
from tests.unit.process_readings.raw_streams import DEVICES, eventful_types, raw_stream, without_stacks

DAY = 86_400.0
CUTS = st.lists(st.integers(1, 79), max_size=10)
SEEDS = st.integers(0, 2**32 - 1)


VERDICTS: tuple[FeedbackVerdict, ...] = ("false", "true", "expected", "false")
BEFORE_SNAPSHOTS = {
    b"p": "AYAwGRskCgYAAQAAAAAAAAA=",
    b"d\x00\x00main/meter": (
        "AQAAAAAAAQAAAEDlzBokCgYAQOXMGiQKBgAAVL32IwoGAAAAAAAAAADA/////wAAAAAAAAQA//8AAAAAAAAAAIAAAAAAAAAAAAAAAAAAAPh/AAAA"
        "AAAAAAAAAAAAAAAAXAAAACGmeboftT3QZmxvdwAAAAACAAAAAgAAAAAAAAAAAAAAHBWkvtFTAkB1y5CWShgHQE5/hs+HO+8/T7Q/9kH97j8AAAAA"
        "AAAQQAAAAAAAAOA/0k1iEFg5BcAu8x38xIH9v+BpC2VnRfS/BgAAAJqAGiQKBgBA3I8aJAoGAIAenxokCgYAwGCuGiQKBgAAo70aJAoGAEDlzBok"
        "CgYAAAAAAAAAAAAAAAAAAADwPwAAAAAAAABAAAAAAAAAAAAAAAAAAADwPwAAAAAAAABAAAAA"
    ),
}
"""Cells of six readings under `holt_winters`."""


class Run:
    """One run over a stream; at fixed places the catalog's entries change, and operators judge the last anomalies."""

    def __init__(self, records: list[Raw], forget_after_s: float = 7 * DAY) -> None:
        self._records = records
        self._catalog: dict[str, Device] = {}
        self.driver = Driver(eventful_types(), self._get, idle_after_s=5, forget_after_s=forget_after_s)

    def between(self, begin: int, end: int) -> None:
        """Gives a part of the stream, in the batches that the changes of the catalog and the feedback make."""
        count = len(self._records)
        changes = {count * part // 4: name for part, name in enumerate(("", "other", "default", "other"))}
        judged = {count * part // 11 for part in range(1, 11)}
        edges = sorted({begin, end, *(at for at in (*changes, *judged) if begin < at < end)})
        for first, last in pairwise(edges):
            if name := changes.get(first):
                self._catalog[DEVICES[first % 3]] = Device("main", DEVICES[first % 3], name, "api", 0, 0)
            found = self.driver.anomalies()[-4:]
            if found and first in judged:
                self.driver.say(*map(feedback, found, VERDICTS), feedback(found[0], VERDICTS[0]))
            self.driver.send(*self._records[first:last])

    def _get(self, site: str, device: str) -> Device | None:
        return self._catalog.get(device)


def _check_restarts(records: list[Raw], cuts: list[int], forget_after_s: float = 7 * DAY) -> None:
    whole, cut = Run(records, forget_after_s), Run(records, forget_after_s)
    edges = sorted({0, len(records), *(at for at in cuts if at < len(records))})
    whole.between(0, len(records))
    for begin, end in pairwise(edges):
        cut.driver.restart()
        cut.between(begin, end)
        cut.driver.checkpoint()
    whole.driver.checkpoint()
    cut.driver.restart()
    whole.driver.idle(1e6)
    cut.driver.idle(1e6)
    assert without_stacks(cut.driver.outputs) == without_stacks(whole.driver.outputs)
    assert cut.driver.cells == whole.driver.cells
    assert cut.driver.rules.counts == whole.driver.rules.counts
    assert len(cut.driver.state) == len(whole.driver.state)


@given(seed=SEEDS, count=st.integers(1, 80), cuts=CUTS)
@example(seed=86865, count=55, cuts=[38, 43])
@settings(max_examples=30, deadline=None)
def test_restarts_change_no_output_and_no_cell(seed: int, count: int, cuts: list[int]) -> None:
    _check_restarts(raw_stream(Random(seed), count), cuts)


@pytest.mark.parametrize("seed", range(2))
def test_restarts_change_nothing_in_a_long_stream(seed: int) -> None:
    random = Random(seed)
    cuts = [random.randrange(2_000) for _ in range(30)]
    _check_restarts(raw_stream(random, 2_000), cuts)


def test_the_long_stream_has_all_that_is_remembered() -> None:
    records = raw_stream(Random(0), 2_000)
    run = Run(records)
    run.between(0, len(records))
    counts = run.driver.rules.counts
    families = {"ensemble", "robust_level", "holt_winters", "half_space_trees", "joint", "range"}
    assert families == set(counts.anomalies)
    assert {"stuck", "conflict", "future_clock", "no_identity", "retained", "late", "unknown_unit"} <= set(counts.flags)
    assert {"moved", "repeated", "other_detector"} <= {fate for _, fate in counts.feedback}
    assert min(counts.repeats, counts.retained, counts.revisions, counts.finals, counts.late) >= 5


@pytest.mark.parametrize("seed", range(2))
def test_restarts_change_nothing_where_devices_are_forgotten(seed: int) -> None:
    random = Random(seed)
    records = raw_stream(random, 600)
    for record in records:
        # Each device is silent for a while, at its own times.
        record.at = record.at * 20
        if int(record.at / 2_000) % len(DEVICES) == DEVICES.index((record.key or b"").decode()[-1]):
            record.key = b"main/busy"
    _check_restarts(records, [random.randrange(600) for _ in range(20)], forget_after_s=700)
    run = Run(records, forget_after_s=700)
    run.between(0, len(records))
    assert len(run.driver.devices()) > len(DEVICES) + 1, "a device that comes again is registered again"


def test_cells_of_untouched_devices_are_not_written() -> None:
    driver = Driver()
    driver.send(*(_of(device, telemetry(0, flow=1.0)) for device in ("a", "b")))
    assert {key[3:] for key in driver.checkpoint() if key != b"p"} == {b"main/a", b"main/b"}
    driver.send(_of("a", telemetry(1, flow=1.0)))
    assert {key[3:] for key in driver.checkpoint()} == {b"main/a"}
    driver.restart()
    assert driver.checkpoint() == {}
    driver.idle(100)
    assert {key[3:] for key in driver.checkpoint()} == {b"main/a", b"main/b"}
    driver.idle(200)
    assert driver.checkpoint() == {}


def test_a_checkpoint_costs_the_same_however_much_is_remembered() -> None:
    driver = Driver(types_of(default={"allowed_lateness": 36_000}))
    sizes = []
    for second in range(10 * CHUNK_ROWS):
        driver.send(telemetry(second, flow=float(second)))
        sizes.append(sum(len(content or b"") for content in driver.checkpoint().values()))
    assert max(sizes[5 * CHUNK_ROWS :]) <= max(sizes[: 5 * CHUNK_ROWS])
    assert len(driver.cells) > 8


def test_a_device_of_many_metrics_writes_only_those_near_what_changed() -> None:
    driver = Driver(types_of(default={"metrics": [{"match": ["*"], "detector": "none"}]}))
    values: dict[str, Any] = {f"m{index}": 1.0 for index in range(20 * PAGE_SERIES)}
    driver.send(telemetry(0, **values))
    assert len(driver.checkpoint()) == 21
    driver.send(telemetry(1, m100=1.0))
    assert len(driver.checkpoint()) == 2


def test_windows_that_were_shown_while_idle_are_forgotten_in_every_cell() -> None:
    driver = Driver(types_of(default={"metrics": [{"match": ["*"], "detector": "none"}]}))
    values: dict[str, Any] = {f"m{index}": 1.0 for index in range(PAGE_SERIES + 1)}
    driver.send(telemetry(1, **values))
    driver.idle(30)
    driver.checkpoint()
    driver.send(telemetry(65, m0=1.0))
    assert len([key for key in driver.checkpoint() if key != b"p"]) == 2


def test_rows_that_are_forgotten_are_deleted() -> None:
    driver = Driver()
    counts = []
    for minute in range(120):
        driver.send(*(telemetry(minute * 60 + second, flow=float(second)) for second in range(0, 60, 2)))
        driver.checkpoint()
        counts.append(len(driver.cells))
    assert max(counts[60:]) == max(counts[30:60]) < 660 / 2 / CHUNK_ROWS + 10


def test_a_dropped_device_leaves_no_cell() -> None:
    driver = Driver(eventful_types(), forget_after_s=DAY)
    for second in range(0, 600, 5):
        values: dict[str, Any] = {f"m{index}": float(second) for index in range(PAGE_SERIES + 1)}
        driver.send(_of("gone", telemetry(second, flow=1.0, state="x", trees=second % 7, **values)))
        driver.send(_of("gone", telemetry(second - 60, at=second, flow=2.0)))
        driver.checkpoint()
    kept = {key for key in driver.cells if b"gone" in key}
    driver.send(*(_of("other", telemetry(at, flow=1.0)) for at in (DAY / 2, 2 * DAY, 2 * DAY + 10)))
    changes = driver.checkpoint()
    assert {key for key, content in changes.items() if content is None} >= kept
    assert not any(b"gone" in key for key in driver.cells)
    assert set(driver.state.devices) == {b"main/other"}
    driver.restart()
    assert set(driver.state.devices) == {b"main/other"}


def test_a_device_that_comes_again_after_it_was_dropped_is_a_new_one() -> None:
    driver = Driver(forget_after_s=DAY)
    driver.send(*(telemetry(second, flow=float(second)) for second in range(40)))
    driver.checkpoint()
    driver.send(telemetry(39, at=DAY + 39, flow=39.0))
    assert len(driver.devices()) == 1, "it is dropped after a day, not at it"
    driver.send(telemetry(3 * DAY, flow=1.0))
    driver.checkpoint()
    assert len(driver.devices()) == 2
    driver.restart()
    assert len(driver.state.devices[b"main/meter"].series["flow"].times) == 1
    assert len(driver.cells) == 2


def test_a_device_is_dropped_even_if_nothing_else_came_since() -> None:
    driver = Driver(forget_after_s=DAY, idle_after_s=10)
    driver.send(telemetry(0, flow=1.0), _of("other", telemetry(DAY - 1, flow=1.0)), telemetry(DAY + 1, flow=1.0))
    assert [device.device for device in driver.devices()] == ["meter", "other", "meter"]
    driver.send(telemetry(0, at=DAY + 2, flow=1.0))
    assert driver.rules.counts.repeats == 0


def test_a_device_is_not_dropped_before_its_allowed_lateness_has_passed() -> None:
    driver = Driver(types_of(slow={"allowed_lateness": 7 * 86_400}), forget_after_s=60)
    driver.send(telemetry(0, flow=1.0), telemetry(0, at=6 * DAY, flow=1.0))
    assert driver.rules.counts.repeats == 1


def test_cells_of_metrics_that_gave_way_are_deleted() -> None:
    driver = Driver(types_of(default={"metrics": [{"match": ["*"], "detector": "none"}]}))
    values: dict[str, Any] = {f"m{index}": 1.0 for index in range(MAX_METRICS)}
    driver.send(*(telemetry(second, **values) for second in range(40)))
    driver.checkpoint()
    before = len(driver.cells)
    driver.send(telemetry(7_200, m20=1.0), telemetry(7_201, other=1.0))
    driver.checkpoint()
    assert len(driver.cells) < before / 100
    driver.restart()
    assert list(driver.state.devices[b"main/meter"].series) == ["m20", "other"]


def test_room_for_metrics_is_made_once_for_windows_that_became_final() -> None:
    driver = Driver(types_of(default={"metrics": [{"match": ["*"], "detector": "none"}]}))
    values: dict[str, Any] = {f"m{index}": 1.0 for index in range(MAX_METRICS - 2)}
    driver.send(telemetry(0, **values), telemetry(7_200, **values))
    driver.send(telemetry(1, at=7_200, late1=1.0, late2=1.0), telemetry(7_201, new1=1.0))
    driver.send(telemetry(1, at=7_201, late3=1.0))
    driver.checkpoint()
    driver.restart()
    driver.send(telemetry(7_202, new2=1.0))
    assert {r.metric for r in driver.clean() if "untracked" in r.flags} == {"new2"}


def test_cells_are_the_same_in_every_process() -> None:
    """Python's own hashes differ from process to process."""
    program = (
        "from random import Random\n"
        "from tests.unit.process_readings.driver import Driver\n"
        "from tests.unit.process_readings.raw_streams import eventful_types, raw_stream\n"
        "driver = Driver(eventful_types())\n"
        "driver.send(*raw_stream(Random(1), 200))\n"
        "driver.checkpoint()\n"
        "print(sorted(driver.cells.items()))\n"
    )
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    other = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    driver = Driver(eventful_types())
    driver.send(*raw_stream(Random(1), 200))
    driver.checkpoint()
    assert other == f"{sorted(driver.cells.items())}\n"
    assert len(other) > 1_000


@pytest.mark.parametrize("version", [b"\x00", b"\x02", b"x"])
def test_cells_of_another_version_are_refused(version: bytes) -> None:
    driver = Driver()
    driver.send(*(telemetry(second, flow=1.0) for second in range(2 * CHUNK_ROWS)))
    driver.checkpoint()
    for key, content in dict(driver.cells).items():
        driver.cells[key] = version + content[1:]
        with pytest.raises(ValueError, match="version"):
            driver.restart()
        driver.cells[key] = content
    driver.restart()


def test_state_of_a_detector_from_before_snapshots_starts_anew() -> None:
    """As a version before `KeptDetector` wrote it, with the state itself where the log is now."""
    driver, fresh = (
        Driver(types_of(default={"metrics": [{"match": ["*"], "detector": "holt_winters"}]})) for _ in "ab"
    )
    driver.cells = {key: b64decode(content) for key, content in BEFORE_SNAPSHOTS.items()}
    driver.restart()
    later = [telemetry(second, flow=float(second % 3)) for second in range(6, 12)]
    kept = []
    for each in (driver, fresh):
        each.send(*later)
        each.checkpoint()
        each.restart()
        kept.append(each.state.devices[b"main/meter"].series["flow"].stored)
    assert len(driver.clean()) == len(later)
    assert kept[0] == kept[1]


def test_cells_that_do_not_belong_together_are_refused() -> None:
    driver = Driver()
    driver.send(*(telemetry(second, flow=1.0) for second in range(3 * CHUNK_ROWS)))
    driver.checkpoint()
    driver.restart()
    for key, content in dict(driver.cells).items():
        del driver.cells[key]
        with pytest.raises(ValueError, match=r"main/meter|missing"):
            driver.restart()
        for size in range(1, len(content)):
            driver.cells[key] = content[:size]
            with pytest.raises(ValueError, match=r"damaged|rows|state|snapshot"):
                driver.restart()
                driver.send(telemetry(3 * CHUNK_ROWS, flow=1.0))
        driver.cells[key] = content
    driver.cells[b"?"] = b"\x01"
    with pytest.raises(ValueError, match="kind"):
        driver.restart()


def _of(device: str, record: Raw) -> Raw:
    record.key = f"main/{device}".encode()
    return record
