"""The routes file: what is found for a topic, and what is said of a wrong file."""

from pathlib import Path

import pytest

from headrace.errors import ConfigurationError
from ingest_mqtt.routes import Drop, RouteTable, Target, load_routes

_FILE = """
site: home
subscribe: ["devices/#", "plants/#"]
ignore:
  - {name: bridge, pattern: "devices/bridge/#"}
routes:
  - name: telemetry
    pattern: devices/{device}/telemetry
    format: json
    device_type: meter
    content_types: {application/senml+json: senml+json}
  - {name: value, pattern: "devices/{device}/{metric...}", format: value, metric: "{metric}"}
  - {name: plant, pattern: "plants/{site}/{line}/{device}", format: json, device: "{line}/{device}", site: "{site}"}
"""


@pytest.fixture
def routes(tmp_path: Path) -> RouteTable:
    path = tmp_path / "routes.yaml"
    path.write_text(_FILE)
    return load_routes(path)


def _target(routes: RouteTable, topic: str) -> Target:
    target = routes.resolve(topic.encode())
    assert isinstance(target, Target)
    return target


def test_the_first_route_that_fits_counts(routes: RouteTable) -> None:
    target = _target(routes, "devices/m1/telemetry")

    assert target.key == b"home/m1"
    assert dict(target.headers) == {
        "format": b"json",
        "mqtt.topic": b"devices/m1/telemetry",
        "device_type": b"meter",
    }
    assert dict(target.by_content_type["application/senml+json"])["format"] == b"senml+json"


def test_the_levels_of_a_metric_are_joined_by_dots(routes: RouteTable) -> None:
    assert dict(_target(routes, "devices/m1/emeter/0/power").headers)["metric"] == b"emeter.0.power"


def test_site_and_device_may_come_from_several_levels(routes: RouteTable) -> None:
    target = _target(routes, "plants/north/l1/p7")

    assert (target.site, target.device, target.key) == ("north", "l1/p7", b"north/l1/p7")


def test_ignored_topics_and_those_without_a_route_differ(routes: RouteTable) -> None:
    assert routes.resolve(b"devices/bridge/state") == Drop("bridge")
    assert routes.resolve(b"plants/north") is None


def test_a_topic_that_is_not_utf8_has_no_route_and_raises_nothing(routes: RouteTable) -> None:
    assert routes.resolve(b"plants/\xff") is None


def test_knows_which_topics_are_subscribed_to(routes: RouteTable) -> None:
    assert routes.is_subscribed("devices/m1/anything")
    assert not routes.is_subscribed("receipts/m1")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("format: value", "format: values"), r"routes 'value' format: Input should be 'json', "),
        (('metric: "{metric}"', 'metric: "{name}"'), r"routes 'value'.*metric uses \{name\}.*has device, metric"),
        (('"devices/{device}/{metric...}"', '"devices/{device}/#/x"'), r"routes 'value' pattern.*fill a whole level"),
        (("name: bridge, ", ""), r"ignore 'number 1' name: Field required"),
        (("    device_type: meter", "    devicetype: meter"), r"routes 'telemetry' devicetype: Extra inputs"),
        (('subscribe: ["devices/#", "plants/#"]', "subscribe: []"), r"subscribe: .*at least 1"),
        (('"plants/#"]', '"plants#"]'), r"subscribe: level 'plants#'"),
        (("site: home", "site: a/b"), r"site: String should match"),
        (("routes:", "routes: ["), r"not YAML"),
    ],
)
def test_a_wrong_file_is_refused_with_the_entry_and_the_field(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    path = tmp_path / "routes.yaml"
    path.write_text(_FILE.replace(*change, 1))

    with pytest.raises(ConfigurationError, match=said):
        load_routes(path)


def test_a_missing_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="INGEST_MQTT_ROUTES"):
        load_routes(tmp_path / "none.yaml")
