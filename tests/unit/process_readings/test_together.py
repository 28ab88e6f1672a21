"""Metrics that a device type names together: which records their detector sees, and what becomes of it."""

import json
from itertools import pairwise
from random import Random

import pytest

from headrace.records import Anomaly, Device
from process_readings.device_types import DeviceTypes
from tests.unit.process_readings.driver import Driver, Raw, feedback, micros, telemetry, types_of

EVERY = 60.0
JOINT = b"j"


def types(**changes: object) -> DeviceTypes:
    metrics = [
        {"match": ["temperature"], "unit": "Cel", "device_unit": "Cel", "range": [-40, 125]},
        {"match": ["humidity"], "unit": "%RH", "device_unit": "%RH", "range": [0, 100]},
    ]
    room = {"metrics": metrics, "together": [{"metrics": ["temperature", "humidity"]}], **changes}
    return types_of(room=room, plain={"metrics": metrics})


def driver(**changes: object) -> Driver:
    return Driver(types(**changes), idle_after_s=1e6)


def of_room(record: Raw) -> Raw:
    record.headers["device_type"] = "room"
    return record


def room(seed: int, count: int, offset_from: int = 10**9) -> list[Raw]:
    """A message with both metrics a minute; from a place on the humidity is off by a little."""
    random, warmth, records = Random(seed), 0.0, []
    for at in range(count):
        warmth = 0.99 * warmth + random.gauss(0.0, 0.7)
        humidity = 50.0 - 0.8 * warmth + random.gauss(0.0, 0.2) + (5.0 if at >= offset_from else 0.0)
        temperature = 20.0 + warmth + random.gauss(0.0, 0.2)
        records.append(of_room(telemetry(at * EVERY, temperature=round(temperature, 3), humidity=round(humidity, 3))))
    return records


def joint(found: Driver) -> list[Anomaly]:
    return [one for one in found.anomalies() if one.detector == "joint"]


def test_a_relation_that_breaks_is_an_anomaly_of_the_metric_that_is_off() -> None:
    one = driver()
    one.send(*room(1, 700, offset_from=600))
    (found,) = joint(one)
    assert one.anomalies() == [found]
    reading = next(each for each in one.clean(found.metric) if each.time == found.time)
    assert found.metric in ("temperature", "humidity")
    assert (found.value, found.unit, found.n, found.detector_version) == (reading.number, reading.unit, 0, "joint/1")
    assert found.score > found.threshold
    assert found.reason.startswith(f"{found.metric} {found.value:.6g} does not go with ")
    assert found.expected is not None


def test_a_type_that_names_none_together_finds_nothing() -> None:
    one = driver()
    for record in (records := room(1, 700, offset_from=600)):
        record.headers["device_type"] = "plain"
    one.send(*records)
    assert one.anomalies() == []
    assert not [key for key in one.checkpoint() if key[:1] == JOINT]


def _extra(random: Random, at: int, record: Raw) -> list[Raw]:
    """What the detector must not see, after a record: it would be far off."""
    late, now = at * EVERY - 3_000, at * EVERY + 1
    retained = of_room(telemetry(now, temperature=90.0, humidity=1.0))
    retained.headers["mqtt.retain"] = "1"
    in_lux = [
        {"bt": micros(now) / 1e6, "n": "temperature", "u": "lx", "v": 90.0},
        {"n": "humidity", "u": "%RH", "v": 1.0},
    ]
    choices = [
        [Raw(json.dumps(in_lux).encode(), now, headers={"device_type": "room", "format": "senml+json"})],
        [Raw(record.value, now, record.key, dict(record.headers))],
        [retained],
        [of_room(telemetry(late, at=now, temperature=90.0, humidity=1.0))],
        [of_room(telemetry(now, temperature=90.0))],
        [of_room(telemetry(now, temperature=90.0, humidity="wet"))],
        [of_room(telemetry(now, temperature=90.0, humidity=101.0))],
        [of_room(telemetry(now, temperature=900.0, humidity=1.0))],
        [Raw(b'{"ts": 1, "temperature": nan, "humidity": 1.0}', now, headers={"device_type": "room"})],
    ]
    return random.choice(choices)


def test_only_records_with_all_metrics_of_one_time_are_seen() -> None:
    random, records = Random(2), room(3, 700, offset_from=600)
    mixed = [each for at, record in enumerate(records) for each in (record, *_extra(random, at, record))]
    alone, disturbed = driver(), driver()
    alone.send(*records)
    disturbed.send(*mixed)
    assert {"late", "retained", "out_of_range", "unknown_unit"} <= set(disturbed.rules.counts.flags)
    assert len(joint(alone)) == 1
    # Units and flags of others play no part; the detector saw the same.
    assert joint(disturbed) == joint(alone)


def test_messages_that_hold_several_times_are_seen_time_by_time() -> None:
    records = room(4, 700, offset_from=600)
    bodies = [record.value for record in records]
    arrays = [
        Raw(b"[" + b",".join(bodies[at : at + 4]) + b"]", (at + 3) * EVERY, headers={"device_type": "room"})
        for at in range(0, len(bodies), 4)
    ]
    one, other = driver(), driver()
    one.send(*records)
    other.send(*arrays)
    assert len(joint(one)) == 1
    assert joint(other) == joint(one)


@pytest.mark.parametrize("seed", range(3))
def test_batches_and_restarts_change_nothing(seed: int) -> None:
    random, records = Random(seed), room(5, 700, offset_from=600)
    whole, cut = driver(), driver()
    whole.send(*records)
    edges = sorted({0, len(records), *(random.randrange(len(records)) for _ in range(30))})
    for begin, end in pairwise(edges):
        cut.send(*records[begin:end])
        cut.checkpoint()
        cut.restart()
    whole.checkpoint()
    assert len(joint(whole)) == 1
    assert cut.outputs == whole.outputs
    assert cut.cells == whole.cells


def test_a_checkpoint_writes_a_small_cell_and_only_when_there_was_something_to_see() -> None:
    one = driver()
    one.send(*room(6, 300))
    (written,) = [content for key, content in one.checkpoint().items() if key[:1] == JOINT]
    assert written is not None and len(written) < 256
    one.send(of_room(telemetry(300 * EVERY, temperature=20.0)))
    assert not [key for key in one.checkpoint() if key[:1] == JOINT]


def test_its_cell_goes_with_the_device() -> None:
    one = Driver(types(), idle_after_s=5, forget_after_s=700)
    one.send(*room(7, 10))
    one.checkpoint()
    one.restart()
    other = of_room(telemetry(100_000, temperature=1.0))
    other.key = b"main/other"
    one.send(other, Raw(other.value, 200_000, b"main/other", other.headers))
    one.checkpoint()
    assert {key[3:] for key in one.cells if key != b"p"} == {b"main/other"}


def test_another_device_type_starts_anew_and_leaves_no_cell_behind() -> None:
    registered: list[Device | None] = [None]
    one = Driver(types(), lambda _site, _device: registered[0], idle_after_s=1e6)
    records = room(8, 700, offset_from=600)
    one.send(*records[:300])
    one.checkpoint()
    assert [key for key in one.cells if key[:1] == JOINT]
    registered[0] = Device("main", "meter", "plain", "api", 0, 0)
    one.send(*records[300:500])
    one.checkpoint()
    assert not [key for key in one.cells if key[:1] == JOINT]
    registered[0] = Device("main", "meter", "room", "api", 0, 0)
    one.send(*records[500:])
    assert joint(one) == [], "what is usual was learned anew, from 500 on for 150 readings"


def test_another_device_type_with_the_same_entry_goes_on_also_after_a_restart() -> None:
    registered: list[Device | None] = [None]
    kind = types().get("room").model_dump()
    one = Driver(types_of(room=kind, other=kind), lambda _site, _device: registered[0], idle_after_s=1e6)
    records = room(10, 700, offset_from=600)
    one.send(*records[:590])
    one.checkpoint()
    one.send(*records[590:600])
    registered[0] = Device("main", "meter", "other", "api", 0, 0)
    one.send(of_room(telemetry(599.5 * EVERY, temperature=20.0)))
    whole = [each.detector.state() for each in one.state.devices[b"main/meter"].joints]
    one.checkpoint()
    one.restart()
    one.send(of_room(telemetry(599.6 * EVERY, temperature=20.0)))
    assert [each.detector.state() for each in one.state.devices[b"main/meter"].joints] == whole


@pytest.mark.parametrize(
    "entry",
    [
        {"metrics": ["temperature", "humidity"], "parameters": {"threshold": 2.0}},
        {"metrics": ["humidity", "temperature"]},
    ],
    ids=["threshold", "order"],
)
def test_a_changed_entry_starts_anew_after_a_restart(entry: dict[str, object]) -> None:
    one, records = driver(), room(9, 700, offset_from=600)
    one.send(*records[:590])
    one.checkpoint()
    other = Driver(types(together=[entry]))
    other.cells = one.cells
    other.restart()
    other.send(*records[590:])
    assert joint(other) == []
    same = driver()
    same.cells = one.cells
    same.restart()
    same.send(*records[590:])
    assert len(joint(same)) == 1


def test_what_operators_say_moves_the_threshold_of_the_metrics_together_alone_and_a_restart_keeps_it() -> None:
    one, records = driver(), room(1, 1_300, offset_from=600)
    one.send(*records[:700])
    (found,) = joint(one)
    one.say(feedback(found, "false"), feedback(found, "false"))
    one.checkpoint()
    assert one.rules.counts.feedback == {("false", "moved"): 1, ("false", "repeated"): 1}
    one.restart()
    one.send(*records[700:1_200], of_room(telemetry(1_200 * EVERY, temperature=20.0, humidity=90.0)))
    *_, later = joint(one)
    assert later.time == micros(1_200 * EVERY)
    assert later.threshold == pytest.approx(found.threshold + 0.2)
    own = [each for each in one.anomalies() if each.detector == "ensemble"]
    assert [each.threshold for each in own] == [2.4] * len(own)
    assert own
