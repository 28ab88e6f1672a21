"""Builds the bridge from its settings: the only place that makes clients."""

import logging
import signal
import ssl
from pathlib import Path
from types import FrameType

from prometheus_client import CollectorRegistry

from headrace.clock import SystemClock
from headrace.errors import ConfigurationError
from headrace.health import HealthServer
from headrace.kafka import Producer
from headrace.metrics import new_registry
from ingest_mqtt.bridge import Bridge
from ingest_mqtt.forwarder import Forwarder, Share
from ingest_mqtt.metrics import Metrics
from ingest_mqtt.mqtt_connection import ConnectionOptions, MqttConnection
from ingest_mqtt.receipts import Receipts
from ingest_mqtt.routes import RouteTable, load_routes
from ingest_mqtt.settings import ROUTES_FILE, Settings
from ingest_mqtt.window import Window

log = logging.getLogger(__name__)


class App:
    """The bridge as a process.

    Raises:
        ConfigurationError: the routes file or a certificate is wrong.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        routes = load_routes(settings.routes or ROUTES_FILE)
        registry = new_registry()
        metrics = Metrics(registry)
        clock = SystemClock()
        window = Window(settings.receive_maximum + settings.qos0_limit, settings.window_bytes)
        producer = _producer(settings)
        share = None if settings.shared_group else Share(settings.instance, settings.instances)
        forwarder = Forwarder(
            routes, producer, window, metrics, clock, settings.qos0_limit, share, settings.drops_topic
        )
        receipts = Receipts(routes.is_subscribed, settings.receipts_limit)
        self.bridge = Bridge(forwarder, producer, window, receipts, metrics, clock, settings.stalled_after_s)
        self._connection = MqttConnection(_connection_options(settings, routes), self.bridge)
        self.health = _health(settings, registry, self.bridge)

    def run(self) -> None:
        """Forwards until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        with self.health:
            log.info("started", extra={"http_port": self.health.port, "session": self._settings.session_name})
            self.bridge.run(self._connection, self._settings.drain_s)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.bridge.stop()


def _producer(settings: Settings) -> Producer:
    # A full queue would hold the network loop up, so it is larger than the window by construction.
    return Producer(
        settings.brokers,
        settings.session_name,
        **{
            "delivery.timeout.ms": int(settings.delivery_timeout_s * 1_000),
            "queue.buffering.max.messages": 2 * (settings.receive_maximum + settings.qos0_limit) + 1_000_000,
            "queue.buffering.max.kbytes": 4 * settings.window_bytes // 1_024 + 65_536,
        },
    )


def _connection_options(settings: Settings, routes: RouteTable) -> ConnectionOptions:
    return ConnectionOptions(
        host=settings.mqtt_host,
        port=settings.mqtt_port,
        v5=settings.mqtt_version == "5",
        client_id=settings.session_name,
        filters=[settings.filters + topic_filter for topic_filter in routes.subscribe],
        watched=settings.drops_topic,
        keepalive=settings.keepalive_s,
        session_expiry=settings.session_expiry_s,
        receive_maximum=settings.receive_maximum,
        username=settings.username,
        password=settings.password.get_secret_value() if settings.password else None,
        tls=_tls_context(settings) if settings.tls else None,
    )


def _tls_context(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=_text(settings.tls_ca))
        context.check_hostname = settings.tls_check_hostname
        if settings.tls_certificate:
            context.load_cert_chain(settings.tls_certificate, _text(settings.tls_key))
        return context
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"INGEST_MQTT_TLS_CA, _CERTIFICATE or _KEY cannot be used: {error}") from error


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _health(settings: Settings, registry: CollectorRegistry, bridge: Bridge) -> HealthServer:
    return HealthServer(
        settings.http_host,
        settings.http_port,
        registry,
        live={"loop": bridge.live_problem},
        ready={"mqtt": bridge.mqtt_problem, "kafka": bridge.kafka_problem},
    )
