"""Settings and files that the service starts with."""

from pathlib import Path

import pytest

from headrace.errors import ConfigurationError
from headrace.settings import settings_table
from serve_api.device_types import load_type_zones
from serve_api.settings import DEVICE_TYPES_FILE, Settings


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])  # noqa: S104 - what is refused
def test_a_public_address_is_refused_unless_it_is_asked_for(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVE_API_HTTP_HOST", host)
    with pytest.raises(ConfigurationError, match="SERVE_API_ALLOW_PUBLIC_BIND"):
        Settings.load()
    monkeypatch.setenv("SERVE_API_ALLOW_PUBLIC_BIND", "true")
    assert Settings.load().http_host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_needs_no_permission(host: str) -> None:
    assert Settings.load(http_host=host).http_host == host


def test_the_readme_shows_the_settings_as_they_are() -> None:
    readme = Path(__file__).parents[3] / "services" / "serve_api" / "README.md"
    assert settings_table(Settings) in readme.read_text()


def test_the_projects_device_types_can_be_set() -> None:
    zones = load_type_zones(DEVICE_TYPES_FILE)
    assert {"default", "tasmota", "zigbee2mqtt", "host"} <= zones.keys()


def test_a_type_without_a_zone_has_that_of_default(tmp_path: Path) -> None:
    file = tmp_path / "types.yaml"
    file.write_text("default: {zone: Europe/Berlin}\na: {}\nb: {zone: Asia/Tokyo}\n")
    assert load_type_zones(file) == {"default": "Europe/Berlin", "a": "Europe/Berlin", "b": "Asia/Tokyo"}


@pytest.mark.parametrize("content", [None, "[", "- a", "a: 1", ""])
def test_a_device_type_file_that_cannot_be_used_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "types.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"types\.yaml"):
        load_type_zones(file)
