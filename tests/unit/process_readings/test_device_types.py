"""The file of device types: what it says of which metric, and what it says of a mistake."""

from pathlib import Path

import pytest

from deploy.local.paths import PROJECT
from headrace.errors import ConfigurationError
from process_readings.device_types import DeviceTypes, load_device_types

FILE = PROJECT / "deploy" / "device_types.yaml"


@pytest.fixture(scope="module")
def types() -> DeviceTypes:
    return load_device_types(FILE)


@pytest.mark.parametrize(
    ("type_name", "metric", "unit", "bounds"),
    [
        ("default", "temperature", "Cel", (-100, 1000)),
        ("default", "DS18B20.Temperature", "Cel", (-100, 1000)),
        ("default", "humidity", "%RH", (0, 100)),
        ("default", "battery", "%", (0, 100)),
        ("default", "target_temperature", None, None),
        ("tasmota", "AM2301.Humidity", "%RH", (0, 100)),
        ("tasmota", "ENERGY.Voltage", "V", (0, 1000)),
        ("zigbee2mqtt", "illuminance", "lx", (0, 200_000)),
        ("environment_sensor", "temp", "Cel", (-40, 125)),
        ("environment_sensor", "co", None, (0, 1)),
        ("water_meter", "flow", "l/s", (0, 1000)),
        ("host", "cpu_percent", "%", (0, 100)),
        ("unheard_of", "temperature", "Cel", (-100, 1000)),
        ("default", "something_else", None, None),
    ],
)
def test_rules_of_the_project(
    types: DeviceTypes, type_name: str, metric: str, unit: str | None, bounds: tuple[float, float] | None
) -> None:
    rule = types.rule(type_name, metric)
    assert (rule.unit, rule.range) == (unit, bounds)


def test_a_water_meter_at_zero_is_not_stuck(types: DeviceTypes) -> None:
    stuck = types.rule("water_meter", "flow").stuck
    assert stuck is not None and 0 in stuck.ignore


def test_types_that_routes_and_the_demo_name(types: DeviceTypes) -> None:
    assert {
        "default",
        "tasmota",
        "zigbee2mqtt",
        "ttn",
        "environment_sensor",
        "water_meter",
        "host",
    } <= set(types.names())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("default: {about: x, zone: Mars/Olympus}", "default.zone: .*no time zone.*Europe/Berlin"),
        ("default: {about: x, allowed_lateness: 7}", "default: .*multiple of 10 s"),
        ("default: {about: x, metrics: [{match: [a], range: [5, 1]}]}", "default.metrics.0: .*least value first"),
        ("default: {about: x, metrics: [{match: [a], detector: magic}]}", "default.metrics.0: .*robust_level"),
        ("default: {about: x, metrics: [{match: [a], parameters: {b: 1}}]}", "default.metrics.0: .*ensemble"),
        ("default: {about: x, metrics: [{match: [a], unit: Cel, device_unit: V}]}", "default.metrics.0: .*convert"),
        ("default: {about: x, metrics: [{match: []}]}", "default.metrics.0.match"),
        ("default: {about: x, lateness: 5}", "default.lateness: "),
        ("default: {about: x, together: [{metrics: [a]}]}", "default.together.0: .*2 to 8 different"),
        ("default: {about: x, together: [{metrics: [a, a]}]}", "default.together.0: .*metrics are a, a; give 2 to 8"),
        ("default: {about: x, together: [{metrics: [a, b], parameters: {warm: 1}}]}", "default.together.0: .*'warm'"),
        (
            "default: {about: x, together: [{metrics: [a, b], parameters: {threshold: -1}}]}",
            "default.together.0: .*threshold is -1; it must be above 0",
        ),
        (
            "default: {about: x, together: [{metrics: [a, b], parameters: {threshold: high}}]}",
            "default.together.0: .*parameters",
        ),
        (
            "default: {about: x, together: [{metrics: [a, b]}, {metrics: [b, c]}]}",
            "default: .*b can be in one entry of together only",
        ),
        ("other: {about: x}", "no type 'default'"),
        ("[1, 2]", "must map each type"),
        ("default: {", "cannot be read"),
    ],
)
def test_mistake_names_the_entry_and_the_way_out(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "types.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        load_device_types(path)
