"""When an event counts as seen, and what is a false alarm."""

from pathlib import Path

from loadtest.motes import MoteSeries, judge_motes, read_motes
from process_readings.detect.detector import Detector
from process_readings.detect.robust_level import RobustLevel

QUIET = [20.0 + at % 3 for at in range(300)]


def _series(spikes: tuple[int, ...], event: tuple[int, int] | None) -> MoteSeries:
    humidity = [90.0 if at in spikes else value for at, value in enumerate(QUIET)]
    return MoteSeries({"humidity": humidity, "temperature": QUIET}, event)


def _make() -> Detector:
    return RobustLevel()


def test_the_first_alarm_in_the_event_tells_how_late_it_was_seen() -> None:
    found = judge_motes(_make, {("single-hop", "1"): _series((204, 208), (200, 210))})
    assert found.seconds_late == {"single-hop 1": 20}
    assert (found.most_false_alarms, found.false_alarms) == (0, 0)


def test_an_event_without_an_alarm_is_missed_and_alarms_elsewhere_are_false() -> None:
    motes = {("single-hop", "1"): _series((150, 250), (200, 210)), ("multi-hop", "2"): _series((150,), None)}
    found = judge_motes(_make, motes)
    assert found.seconds_late == {"single-hop 1": None}
    assert (found.most_false_alarms, found.false_alarms) == (2, 3)


def test_the_data_has_four_events(shared_data: Path) -> None:
    motes = read_motes(shared_data / "sensors" / "suthaharan-wsn")
    assert len(motes) == 8
    events = {name: series.event for name, series in motes.items() if series.event}
    assert events == {
        ("single-hop", "1"): (2343, 2459),
        ("single-hop", "4"): (2361, 2392),
        ("multi-hop", "1"): (2440, 2497),
        ("multi-hop", "3"): (2423, 2522),
    }
