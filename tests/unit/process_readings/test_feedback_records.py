"""Records of feedback through the rules: which series they move, what they leave alone, and what a restart keeps."""

import random
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from headrace.errors import Reason
from headrace.records import Anomaly, AnomalyFeedback, Device, encode, headers_of
from process_readings.detect.level_pool import VECTOR_FROM
from process_readings.detect.registry import detector_names
from process_readings.feedback import MOST
from process_readings.metrics import RuleMetrics
from tests.unit.process_readings.driver import T0, Driver, Raw, feedback, telemetry, types_of

DAY = 86_400.0
STEP_S = 300
PARAMETERS: dict[str, dict[str, Any]] = {"half_space_trees": {"low": 0.0, "high": 100.0}}
KEY = b"main/meter"
VERDICTS = ("true", "false", "expected")
FATES = ("moved", "at_bound", "repeated", "unknown", "other_detector")


def rule(detector: str, **parameters: Any) -> dict[str, object]:
    return {"match": ["*"], "detector": detector, "parameters": {**PARAMETERS.get(detector, {}), **parameters}}


def driver_of(detector: str = "robust_level", **parameters: Any) -> Driver:
    return Driver(types_of(default={"metrics": [rule(detector, **parameters)]}))


def usual(begin: int, count: int, seed: int = 3, metric: str = "flow") -> list[Raw]:
    rng = random.Random(seed + begin)
    return [_reading(at, metric, round(rng.gauss(20.0, 0.5), 2)) for at in range(begin, begin + count)]


def spike(driver: Driver, at: int, value: float = 90.0, metric: str = "flow") -> Anomaly:
    """The anomaly that a reading far away is, after a while of usual ones."""
    before = len(driver.anomalies())
    driver.send(*usual(at - 60, 60, metric=metric), _reading(at, metric, value))
    assert len(driver.anomalies()) > before, f"{value} is an anomaly"
    return driver.anomalies()[-1]


def learned(detector: str = "robust_level", **parameters: Any) -> tuple[Driver, Anomaly]:
    """A series that is known, and an anomaly of it."""
    driver = driver_of(detector, **parameters)
    driver.send(*usual(0, 700))
    return driver, spike(driver, 760)


@pytest.mark.parametrize("detector", detector_names())
def test_false_alarms_raise_the_threshold_of_the_next_anomaly_and_a_restart_keeps_it(detector: str) -> None:
    driver, first = learned(detector)
    driver.say(feedback(first, "false"))
    second = spike(driver, 900)
    assert second.threshold > first.threshold
    driver.say(feedback(second, "true"))
    driver.checkpoint()
    driver.restart()
    third = spike(driver, 1_100)
    assert third.threshold == first.threshold, "the second step took the first one back"
    assert driver.rules.counts.feedback == {("false", "moved"): 1, ("true", "moved"): 1}


def test_what_was_called_false_often_enough_is_reported_no_more() -> None:
    driver, found = learned()
    value = 20.0 + 0.5 * 12
    for step in range(MOST):
        driver.say(msgspec.structs.replace(feedback(found), id=f"{step:032x}"))
    before = len(driver.anomalies())
    driver.send(*usual(800, 60), telemetry(STEP_S * 860, flow=value))
    assert len(driver.anomalies()) == before
    other, _ = learned()
    assert spike(other, 860, value)


def test_feedback_moves_and_keeps_its_own_series_alone_among_many_of_one_kind() -> None:
    driver = driver_of()
    names = [f"m{number}" for number in range(VECTOR_FROM + 2)]
    last = names[-1]
    rng = random.Random(4)

    def send(at: int, value: float | None = None) -> None:
        values: dict[str, Any] = {name: rng.gauss(20.0, 0.5) if value is None else value for name in names}
        driver.send(telemetry(STEP_S * at, **values))

    for at in range(300):
        send(at)
    send(300, 90.0)
    found = {anomaly.metric: anomaly for anomaly in driver.anomalies()}
    driver.checkpoint()
    driver.say(feedback(found[last]), feedback(found[last]))
    driver.checkpoint()
    driver.restart()
    for at in range(301, 360):
        send(at)
    send(360, -90.0)
    later = {anomaly.metric: anomaly.threshold for anomaly in driver.anomalies()}
    assert later.pop(last) == pytest.approx(8.0 * 1.15)
    assert len(later) == len(names) - 1
    assert set(later.values()) == {8.0}


def test_what_concerns_no_series_is_counted_and_changes_nothing() -> None:
    driver, found = learned()
    driver.checkpoint()
    said = feedback(found)
    driver.say(msgspec.structs.replace(said, device="nobody"))
    driver.say(msgspec.structs.replace(said, metric="pressure"))
    driver.say(msgspec.structs.replace(said, detector="range"))
    driver.say(msgspec.structs.replace(said, detector="holt_winters"))
    assert driver.rules.counts.feedback == {("false", "unknown"): 2, ("false", "other_detector"): 2}
    assert driver.checkpoint() == {}
    assert spike(driver, 900).threshold == found.threshold


def test_feedback_alone_writes_its_cell_and_its_page_once() -> None:
    driver, found = learned()
    driver.checkpoint()
    driver.say(feedback(found))
    assert {key[:1] for key in driver.checkpoint()} == {b"d", b"f"}
    driver.say(feedback(found))
    assert driver.checkpoint() == {}, "the same again is nothing new"
    driver.send(*usual(800, 1))
    assert b"f" not in {key[:1] for key in driver.checkpoint()}


def test_feedback_keeps_no_device_awake_and_goes_with_it() -> None:
    driver, found = learned()
    driver.say(feedback(found))
    driver.checkpoint()
    assert any(key[:1] == b"f" for key in driver.cells)
    last = STEP_S * 760
    driver.say(feedback(found, "true"))
    driver.send(*(_of("other", telemetry(last + 8 * DAY + at, flow=1.0)) for at in (0, 20)))
    driver.checkpoint()
    assert not any(b"meter" in key for key in driver.cells)
    driver.say(feedback(found))
    assert driver.rules.counts.feedback["false", "unknown"] == 1
    driver.restart()


class Catalog:
    """The type of every device can be changed."""

    def __init__(self) -> None:
        self.type = "default"
        self._devices: dict[str, Device] = {}

    def __call__(self, site: str, device: str) -> Device:
        return self._devices.setdefault(self.type, Device(site, device, self.type, "api", 0, 0))


@pytest.mark.parametrize(
    ("later", "is_kept"),
    [(rule("robust_level", threshold=6.0), True), (rule("holt_winters"), False), (rule("none"), False)],
    ids=["other parameters", "another detector", "no detector"],
)
@pytest.mark.parametrize("is_restarted", [False, True])
def test_another_detector_forgets_and_other_parameters_do_not(
    later: dict[str, object], is_kept: bool, is_restarted: bool
) -> None:
    catalog = Catalog()
    types = types_of(default={"metrics": [rule("robust_level")]}, later={"metrics": [later]})
    driver = Driver(types, catalog)
    driver.send(*usual(0, 700))
    driver.say(feedback(spike(driver, 760)))
    driver.checkpoint()
    if is_restarted:
        driver.restart()
    catalog.type = "later"
    driver.send(*usual(800, 300))
    driver.checkpoint()
    assert any(key[:1] == b"f" for key in driver.cells) == is_kept
    driver.restart()
    if later["detector"] != "none":
        own = 6.0 * 1.15 if is_kept else 8.0
        assert spike(driver, 1_200).threshold == pytest.approx(own)


def test_what_cannot_be_read_is_a_dead_letter_and_the_rest_goes_on() -> None:
    driver, found = learned()
    said = feedback(found)
    right, headers = encode(said), headers_of(said)
    wrong = [
        (KEY, b"{", headers),
        (KEY, None, headers),
        (KEY, right, [("schema", b"anomaly_feedback.v9")]),
        (KEY, right.replace(b'"false"', b'"maybe"'), headers),
        (KEY, encode(found), headers_of(found)),
        (b"main/other", right, headers),
        (None, right, headers),
        (KEY, right.replace(said.id.encode(), b"5b0c"), headers),
        (KEY, right.replace(said.id.encode(), b"z" * 32), headers),
    ]
    driver.say_bytes(*wrong, (KEY, right, headers))
    letters = driver.dead_letters()
    assert [letter.reason for letter in letters] == [
        Reason.INVALID_RECORD,
        Reason.INVALID_RECORD,
        Reason.UNKNOWN_SCHEMA,
        *[Reason.INVALID_RECORD] * 6,
    ]
    assert {(letter.source.topic, letter.stage) for letter in letters} == {
        ("anomalies.feedback", "process_readings.feedback")
    }
    assert [letter.value for letter in letters] == [value or b"" for _, value, _ in wrong]
    assert sum(driver.rules.counts.dead_letters.values()) == len(wrong)
    assert driver.rules.counts.feedback == {("false", "moved"): 1}


def test_a_device_that_was_restored_takes_feedback_before_its_next_reading() -> None:
    driver, found = learned()
    driver.checkpoint()
    driver.restart()
    driver.say(feedback(found))
    assert driver.rules.counts.feedback == {("false", "moved"): 1}
    driver.checkpoint()
    driver.restart()
    assert spike(driver, 900).threshold > found.threshold


def test_all_that_may_become_of_feedback_is_exported_from_zero_on() -> None:
    driver, found = learned()
    registry = CollectorRegistry()
    RuleMetrics(driver.rules.counts, registry)

    def exported(verdict: str, fate: str) -> float | None:
        labels = {"service": "process_readings", "verdict": verdict, "fate": fate}
        return registry.get_sample_value("headrace_anomaly_feedback_total", labels)

    assert {exported(verdict, fate) for verdict in VERDICTS for fate in FATES} == {0.0}
    driver.say(feedback(found, "expected"))
    assert exported("expected", "moved") == 1.0


def test_feedback_has_a_time_that_moves_nothing() -> None:
    driver, found = learned()
    windows = len(driver.windows())
    said: AnomalyFeedback = msgspec.structs.replace(feedback(found), given=T0 + 10**15)
    driver.say(said)
    assert len(driver.windows()) == windows


def _reading(at: int, metric: str, value: float) -> Raw:
    values: dict[str, Any] = {metric: value}
    return telemetry(STEP_S * at, **values)


def _of(device: str, record: Raw) -> Raw:
    record.key = f"main/{device}".encode()
    return record
