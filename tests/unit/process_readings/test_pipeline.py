"""The rules as a whole: dead letters, the registry, retained replays, anomalies."""

import json
from itertools import count

import pytest

from headrace.errors import Reason
from headrace.records import Device
from process_readings.device_state import MAX_METRICS
from tests.unit.process_readings.driver import Driver, Raw, micros, telemetry, types_of


def _registered(type_name: str, zone: str = "UTC") -> Device:
    return Device("main", "meter", type_name, source="api", first_seen=0, updated=0, zone=zone)


def test_record_that_cannot_be_read_is_a_dead_letter_and_the_rest_goes_on() -> None:
    driver = Driver()
    driver.send(telemetry(0, flow=1.0), Raw(b"{", 1), telemetry(2, flow=2.0))
    (letter,) = driver.dead_letters()
    assert (letter.value, letter.key, letter.reason) == (b"{", b"main/meter", Reason.MALFORMED_JSON)
    assert (letter.source.topic, letter.source.partition, letter.source.offset) == ("readings.raw", 0, 1)
    assert (letter.stage, letter.received) == ("process_readings.decode", micros(1))
    assert [r.number for r in driver.clean()] == [1.0, 2.0]
    assert driver.rules.counts.dead_letters == {"malformed_json": 1}


@pytest.mark.parametrize("key", [None, b"", b"no-slash", b"main/", b"\xff"])
def test_key_that_names_no_device_is_a_dead_letter(key: bytes | None) -> None:
    driver = Driver()
    driver.send(Raw(b'{"flow": 1}', 0, key=key))
    (letter,) = driver.dead_letters()
    assert (letter.reason, letter.key) == (Reason.INVALID_RECORD, key)
    assert driver.state.devices == {}


def test_outputs_have_the_devices_key() -> None:
    driver = Driver()
    driver.send(telemetry(0, flow=1.0), telemetry(60, flow=1.0))
    assert {record.key for record in driver.outputs} == {b"main/meter"}
    assert {record.topic for record in driver.outputs} == {"readings.clean", "readings.windows", "devices.registry"}


def test_device_is_registered_at_its_first_readable_record_and_once() -> None:
    driver = Driver(types_of(water_meter={"zone": "Europe/Berlin"}))
    headers = {"device_type": "water_meter"}
    bad, good = Raw(b"{", 0, headers=headers), telemetry(1, flow=1.0)
    good.headers = headers
    driver.send(bad)
    assert driver.devices() == []
    driver.send(good, telemetry(2, flow=1.0))
    (device,) = driver.devices()
    assert (device.site, device.device, device.type, device.source) == ("main", "meter", "water_meter", "observed")
    assert (device.zone, device.first_seen) == ("Europe/Berlin", micros(1))


def test_registered_device_is_not_registered_again() -> None:
    driver = Driver(catalog=lambda _site, _device: _registered("default"))
    driver.send(telemetry(0, flow=1.0))
    assert driver.devices() == []


def test_type_that_is_set_later_holds_from_the_next_record_on() -> None:
    catalog: dict[str, Device] = {}
    types = types_of(meter={"metrics": [{"match": ["flow"], "device_unit": "l/s", "unit": "l/s", "range": [0, 10]}]})
    driver = Driver(types, lambda _site, device: catalog.get(device))
    driver.send(telemetry(0, flow=9.0))
    catalog["meter"] = _registered("meter")
    driver.send(telemetry(1, flow=99.0), telemetry(0, at=2, flow=9.0))
    assert [(r.unit, r.flags) for r in driver.clean()] == [(None, ()), ("l/s", ("out_of_range",))]
    assert driver.rules.counts.repeats == 1, "what was seen under the former type is still known"


def test_time_without_a_zone_is_in_the_registered_zone() -> None:
    driver = Driver(catalog=lambda _site, _device: _registered("default", zone="Europe/Berlin"))
    driver.send(Raw(b'{"Time":"2023-11-14T23:14:00","T":{"Temperature":1.5}}', 0, headers={"format": "tasmota"}))
    assert driver.clean()[0].time == micros(0)


def test_zone_that_is_unknown_here_stops_nothing() -> None:
    driver = Driver(catalog=lambda _site, _device: _registered("default", zone="Mars/Olympus"))
    driver.send(telemetry(0, flow=1.0))
    assert len(driver.clean()) == 1


def _retained(record: Raw) -> Raw:
    record.headers["mqtt.retain"] = "1"
    return record


def test_retained_replay_of_a_known_reading_is_a_repeat() -> None:
    driver = Driver()
    driver.send(telemetry(0, flow=1.0), _retained(telemetry(0, at=50, flow=1.0)))
    assert len(driver.clean()) == 1
    assert driver.rules.counts.repeats == 1


def test_retained_replay_of_an_unknown_reading_is_stored_once_and_is_in_no_window() -> None:
    driver = Driver()
    driver.send(*(_retained(telemetry(0, at=at, flow=1.0)) for at in (5, 6)))
    assert [(r.number, r.flags) for r in driver.clean()] == [(1.0, ("retained",))]
    driver.send(telemetry(1, at=7, flow=2.0), telemetry(60, flow=2.0))
    assert [(w.count, w.max) for w in driver.windows(60)] == [(1, 2.0)]


def test_retained_replay_without_a_time_is_only_counted() -> None:
    driver = Driver()
    driver.send(_retained(telemetry(None, at=5, flow=1.0)))
    assert driver.clean() == []
    assert driver.rules.counts.retained == 1
    assert len(driver.devices()) == 1


def test_jump_is_an_anomaly_with_its_reason() -> None:
    driver = Driver()
    driver.send(*(telemetry(index, flow=20 + index % 3 / 10) for index in range(300)), telemetry(300, flow=60.0))
    (anomaly,) = driver.anomalies()
    assert (anomaly.metric, anomaly.time, anomaly.value) == ("flow", micros(300), 60.0)
    assert anomaly.score > anomaly.threshold
    assert anomaly.reason and len(anomaly.id) == 32
    assert anomaly.detector_version.startswith(anomaly.detector)


def test_type_chooses_the_detector() -> None:
    driver = Driver(types_of(default={"metrics": [{"match": ["flow"], "detector": "none"}]}))
    driver.send(*(telemetry(index, flow=20 + index % 3 / 10) for index in range(300)), telemetry(300, flow=60.0))
    assert driver.anomalies() == []


@pytest.mark.parametrize(("parameters", "found"), [({}, 1), ({"threshold": 9.0}, 0)])
def test_detector_is_kept_under_another_type_if_it_is_the_same(parameters: dict[str, float], found: int) -> None:
    catalog: dict[str, Device] = {}
    types = types_of(meter={"metrics": [{"match": ["flow"], "parameters": parameters}]})
    driver = Driver(types, lambda _site, device: catalog.get(device))
    driver.send(*(telemetry(index, flow=20 + index % 3 / 10) for index in range(300)))
    catalog["meter"] = _registered("meter")
    driver.send(telemetry(300, flow=60.0))
    assert len(driver.anomalies()) == found, "a fresh detector has to warm up first"


def test_readings_before_a_change_of_type_in_one_batch_are_judged_by_the_former_detector() -> None:
    types = types_of(meter={"metrics": [{"match": ["flow"], "parameters": {"threshold": 9.0}}]})
    asked = count()
    driver = Driver(types, lambda _site, _device: _registered("meter") if next(asked) > 300 else None)
    driver.send(*(telemetry(index, flow=20 + index % 3 / 10) for index in range(300)), telemetry(300, flow=60.0))
    driver.send(telemetry(301, flow=20.0))
    assert [anomaly.time for anomaly in driver.anomalies()] == [micros(300)]
    again = count()
    whole = Driver(types, lambda _site, _device: _registered("meter") if next(again) > 300 else None)
    whole.send(
        *(telemetry(index, flow=20 + index % 3 / 10) for index in range(300)),
        telemetry(300, flow=60.0),
        telemetry(301, flow=20.0),
    )
    assert whole.outputs == driver.outputs


def test_detectors_see_neither_repeats_nor_late_readings() -> None:
    plain, disturbed = Driver(), Driver()
    stream = [telemetry(index * 60, flow=20 + index % 3 / 10) for index in range(300)]
    jump = telemetry(18_000, flow=60.0)
    plain.send(*stream, jump)
    disturbed.send(*stream, *stream[-10:], telemetry(1, at=17_950, flow=9_999.0), jump)
    assert disturbed.anomalies() == plain.anomalies()
    assert len(disturbed.late()) == 1


def test_metrics_that_a_device_makes_up_do_not_fill_the_memory() -> None:
    driver = Driver(types_of(default={"metrics": [{"match": ["*"], "detector": "none"}]}))
    body = json.dumps({"ts": micros(0) // 1_000, **{f"m{index}": 1.0 for index in range(MAX_METRICS + 5)}})
    driver.send(Raw(body.encode(), 0))
    untracked = [r for r in driver.clean() if "untracked" in r.flags]
    assert len(untracked) == 5 == driver.rules.counts.untracked
    assert len(driver.clean()) == MAX_METRICS + 5
    driver.send(telemetry(90_000, at=1, m_new=1.0))
    assert driver.clean("m_new")[0].time == micros(1), "its clock is clamped all the same"
    driver.send(telemetry(7_200, m0=1.0), telemetry(7_201, other=1.0))
    assert "untracked" not in driver.clean("other")[0].flags


def test_every_decoded_reading_has_one_fate() -> None:
    driver = Driver()
    driver.send(telemetry(0, flow=1.0, on=True), telemetry(0, flow=1.0), telemetry(3_600, flow=1.0))
    driver.send(telemetry(1, at=3_601, flow=1.0), _retained(telemetry(None, at=3_602, flow=1.0)))
    counts = driver.rules.counts
    fates = counts.clean + counts.late + counts.repeats + counts.retained + counts.untracked
    assert fates == counts.readings == 6
