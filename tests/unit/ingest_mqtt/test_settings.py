"""Settings that contradict each other, and the README's table."""

from pathlib import Path

import pytest

from headrace.errors import ConfigurationError
from headrace.settings import settings_table
from ingest_mqtt import settings as module
from ingest_mqtt.settings import Settings


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"instances": 2, "instance": 2}, "numbered from 0"),
        ({"tls_ca": Path("ca.pem")}, "set INGEST_MQTT_TLS=true"),
        ({"tls": True, "tls_certificate": Path("c.pem")}, "belong together"),
        ({"password": "changethis"}, "placeholder"),
        ({"mqtt_version": "3.1"}, "INGEST_MQTT_MQTT_VERSION"),
    ],
)
def test_what_cannot_work_is_refused_at_the_start(values: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Settings.load(**values)


def test_each_instance_has_a_session_of_its_own() -> None:
    assert Settings.load(instances=2, instance=1).session_name == "headrace-ingest-mqtt-1"
    assert Settings.load().session_name == "headrace-ingest-mqtt"


def test_the_readme_shows_the_settings_as_they_are() -> None:
    readme = (Path(module.__file__).parent / "README.md").read_text()

    assert settings_table(Settings) in readme
