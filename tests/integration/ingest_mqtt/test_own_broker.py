"""TLS, passwords, refused subscriptions and the broker's drops, on a broker set up for each."""

from __future__ import annotations

import shlex
import ssl
import subprocess
from pathlib import Path

import pytest

from headrace.testing import wait_until
from tests.integration.ingest_mqtt.bridge_process import Bridge
from tests.integration.ingest_mqtt.conftest import StartBridge
from tests.integration.ingest_mqtt.device import device
from tests.integration.ingest_mqtt.own_broker import own_broker

pytestmark = pytest.mark.integration


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(("openssl", *arguments), cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA, a server certificate for 127.0.0.1 and a client certificate: NAME.pem and NAME.key."""
    folder = tmp_path_factory.mktemp("certificates")
    own = "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca"
    _openssl(folder, *shlex.split(own))
    for name, extra in (("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
        (folder / f"{name}.ext").write_text(extra)
        _openssl(folder, *f"req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}".split())
        sign = f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out {name}.pem"
        _openssl(folder, *sign.split(), "-extfile", f"{name}.ext")
    return folder


def _tls(folder: Path) -> str:
    files = f"cafile {folder}/ca.pem\ncertfile {folder}/server.pem\nkeyfile {folder}/server.key\n"
    return files + "require_certificate true\nallow_anonymous true\nmax_inflight_messages 1000"


def test_forwards_over_tls_with_a_client_certificate(
    start_bridge: StartBridge, tmp_path: Path, certificates: Path
) -> None:
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    context.load_cert_chain(certificates / "client.pem", certificates / "client.key")
    with own_broker(tmp_path, _tls(certificates)) as port:
        bridge = start_bridge(
            INGEST_MQTT_MQTT_PORT=str(port),
            INGEST_MQTT_TLS="true",
            INGEST_MQTT_TLS_CA=str(certificates / "ca.pem"),
            INGEST_MQTT_TLS_CERTIFICATE=str(certificates / "client.pem"),
            INGEST_MQTT_TLS_KEY=str(certificates / "client.key"),
        )
        with device(port, "tls", context) as player:
            player.publish(bridge.topic(), b"x" * 300_000, receipt=b"large")
            for number in range(500):
                player.publish(bridge.topic(), b"%d" % number, receipt=b"%d" % number)
            player.wait_receipts(501)

        assert bridge.values() == [b"x" * 300_000, *(b"%d" % number for number in range(500))]


def test_a_broker_with_a_foreign_certificate_is_refused(
    start_bridge: StartBridge, tmp_path: Path, certificates: Path
) -> None:
    with own_broker(tmp_path, _tls(certificates)) as port:
        bridge = _start_unready(start_bridge, INGEST_MQTT_MQTT_PORT=str(port), INGEST_MQTT_TLS="true")

        wait_until(lambda: "CERTIFICATE_VERIFY_FAILED" in bridge.problems(), "readiness to say so")


def test_a_wrong_password_makes_it_unready_and_a_right_one_ready(start_bridge: StartBridge, tmp_path: Path) -> None:
    subprocess.run(("mosquitto_passwd", "-b", "-c", str(tmp_path / "users"), "bridge", "right one"), check=True)
    with own_broker(tmp_path, f"allow_anonymous false\npassword_file {tmp_path}/users") as port:
        user = {"INGEST_MQTT_MQTT_PORT": str(port), "INGEST_MQTT_USERNAME": "bridge"}
        wrong = _start_unready(start_bridge, **user, **_password("wrong one"))
        wait_until(lambda: "Not authorized" in wrong.problems(), "readiness to say so")

        assert start_bridge(**user, **_password("right one")).is_ready()
        assert "wrong one" not in wrong.log.read_text()


def test_messages_that_the_broker_drops_are_shown(start_bridge: StartBridge, tmp_path: Path) -> None:
    with own_broker(tmp_path, "allow_anonymous true\nmax_queued_messages 5\nmax_inflight_messages 5") as port:
        bridge = start_bridge(INGEST_MQTT_MQTT_PORT=str(port))
        bridge.end()
        with device(port, "drops") as player:
            for number in range(50):
                player.publish(bridge.topic(), b"%d" % number).wait_for_publish(10)
            bridge.start()
            wait_until(lambda: bridge.metric("broker_dropped_messages") >= 30, "the broker's count")


def _password(text: str) -> dict[str, str]:
    return {"INGEST_MQTT_PASSWORD": text}


def _start_unready(start_bridge: StartBridge, **environment: str) -> Bridge:
    return start_bridge(None, False, **environment)
