"""The part `personal` of the routes file: whose events are whose, and that no device's session gets them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.errors import ConfigurationError
from ingest_mqtt.app import App
from ingest_mqtt.personal_routes import PersonalTarget
from ingest_mqtt.routes import Drop, RouteTable, load_routes
from ingest_mqtt.settings import ROUTES_FILE, Settings
from ingest_mqtt.topic_pattern import overlap

_KIOSK = {"name": "kiosk", "pattern": "kiosks/{kiosk}/events"}


def routes(folder: Path, subscribe: str = "devices/#", filters: str = "kiosks/+/events", **changes: Any) -> Path:
    path = folder / "routes.yaml"
    content = {
        "subscribe": [subscribe],
        "routes": [{"name": "t", "pattern": "{device}/t", "format": "json"}],
        "personal": {"subscribe": [filters], "routes": [{**_KIOSK, **changes}]},
    }
    path.write_text(yaml.safe_dump(content))
    return path


def test_topic_is_found_with_its_names_and_site(tmp_path: Path) -> None:
    table = load_routes(routes(tmp_path, site="{kiosk}"))
    assert table.personal is not None
    found = table.personal.resolve(b"kiosks/k1/events")
    assert isinstance(found, PersonalTarget)
    assert (found.site, found.names, found.route.name) == ("k1", {"kiosk": "k1"}, "kiosk")
    assert table.personal.resolve(b"kiosks/k1/other") is None


def test_session_of_devices_drops_what_is_personal_and_receipts_never_go_there(tmp_path: Path) -> None:
    table = load_routes(routes(tmp_path))
    assert table.resolve(b"kiosks/k1/events") == Drop("personal")
    assert table.is_subscribed("kiosks/k1/events")


@pytest.mark.parametrize("subscribe", ["#", "kiosks/#", "+/k1/events", "kiosks/+/+"])
def test_filter_of_devices_that_takes_in_people_is_refused(tmp_path: Path, subscribe: str) -> None:
    with pytest.raises(ConfigurationError, match="which is personal"):
        load_routes(routes(tmp_path, subscribe))


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("a/b", "a/b", True),
        ("a/+", "a/b/c", False),
        ("a/#", "a", True),
        ("a/+/c", "+/b/c", True),
        ("a/+/c", "a/b/d", False),
        ("a/b/#", "a/+", True),
        ("b/#", "a/#", False),
    ],
)
def test_filters_overlap_where_one_topic_fits_both(one: str, other: str, both: bool) -> None:
    assert overlap(one, other) == overlap(other, one) == both


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"user": None, "session": None}, "names neither user nor session"),
        ({"context": ["place"]}, "uses place, which 'kiosks/{kiosk}/events' does not name"),
        ({"site": "{shop}"}, "uses shop"),
        ({"kind": "look"}, "kind"),
        ({"device": "x"}, "device"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, changes: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigurationError, match=what):
        load_routes(routes(tmp_path, **changes))


def test_without_keys_of_subjects_the_bridge_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"set INGEST_MQTT_SUBJECT_KEYS .* INGEST_MQTT_CASSANDRA_HOSTS"):
        App(Settings(routes=routes(tmp_path)))


def test_project_file_shows_personal_routes_that_work(tmp_path: Path) -> None:
    """They are there as a comment, since they need keys and a Cassandra."""
    before, marker, after = ROUTES_FILE.read_text().partition("# personal:\n")
    assert marker
    path = tmp_path / "routes.yaml"
    path.write_text(before + "".join(line.removeprefix("# ") for line in (marker + after).splitlines(keepends=True)))
    table: RouteTable = load_routes(path)
    assert table.personal is not None
    assert isinstance(table.personal.resolve(b"kiosks/k1/events"), PersonalTarget)
    assert isinstance(table.personal.resolve(b"beacons/k1/seen"), PersonalTarget)
