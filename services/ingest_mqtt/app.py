"""Builds the bridge from its settings: the only place that makes clients."""

import logging
import signal
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from prometheus_client import CollectorRegistry

from headrace.cassandra import CassandraSettings
from headrace.clock import Clock, SystemClock
from headrace.crash import crash
from headrace.errors import ConfigurationError
from headrace.health import Check, HealthServer
from headrace.kafka import Producer
from headrace.metrics import new_registry
from headrace.subjects.keys import SubjectKeys
from headrace.subjects.subjects import Subjects, open_subjects
from ingest_mqtt.bridge import Bridge
from ingest_mqtt.forwarder import Forwarder, Share
from ingest_mqtt.hidden_letter import fingerprint_of
from ingest_mqtt.metrics import PERSONAL, Metrics, PersonalMetrics
from ingest_mqtt.mqtt_connection import ConnectionOptions, MqttConnection
from ingest_mqtt.personal_forwarder import Fingerprint, PersonalForwarder
from ingest_mqtt.receipts import Receipts
from ingest_mqtt.routes import RouteTable, load_routes
from ingest_mqtt.settings import ROUTES_FILE, Settings
from ingest_mqtt.subject_lookup import SubjectLookup
from ingest_mqtt.window import Window

log = logging.getLogger(__name__)


class App:
    """The bridge as a process.

    Raises:
        ConfigurationError: the routes file or a certificate is wrong, or a setting that it needs is missing.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        routes = load_routes(settings.routes or ROUTES_FILE)
        registry = new_registry()
        metrics = Metrics(registry)
        clock = SystemClock()
        window = Window(settings.receive_maximum + settings.qos0_limit, settings.window_bytes)
        producer = _producer(settings, settings.session_name)
        forwarder = Forwarder(
            routes, producer, window, metrics, clock, settings.qos0_limit, _share(settings), settings.drops_topic
        )
        receipts = Receipts(routes.is_subscribed, settings.receipts_limit)
        self.bridge = Bridge(forwarder, producer, window, receipts, metrics, clock, settings.stalled_after_s)
        options = _connection_options(settings, settings.session_name, routes.subscribe, settings.drops_topic)
        self._connection = MqttConnection(options, self.bridge)
        self.personal = _PersonalPart(settings, routes, registry, metrics, clock) if routes.personal else None
        self.health = _health(settings, registry, self.bridge, self.personal)

    def run(self) -> None:
        """Forwards until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        with self.health:
            log.info("started", extra={"http_port": self.health.port, "session": self._settings.session_name})
            if self.personal:
                self.personal.start()
            self.bridge.run(self._connection, self._settings.drain_s)
            if self.personal:
                self.personal.join()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.bridge.stop()
        if self.personal:
            self.personal.bridge.stop()


class _PersonalPart:
    """The bridge of people: a session, a window and a thread of its own, so that devices never wait for Cassandra."""

    def __init__(
        self, settings: Settings, routes: RouteTable, registry: CollectorRegistry, metrics: Metrics, clock: Clock
    ) -> None:
        assert routes.personal is not None  # noqa: S101 - the caller has seen it
        self._drain_s = settings.drain_s
        self._subjects, fingerprint = _subjects(settings)
        counts = PersonalMetrics(registry)
        self.lookup = SubjectLookup(self._subjects, clock, counts.failed_lookups.inc)
        own = Metrics(registry, PERSONAL, metrics)
        window = Window(settings.receive_maximum + settings.qos0_limit, settings.window_bytes)
        producer = _producer(settings, settings.personal_session)
        forwarder = PersonalForwarder(
            routes.personal,
            producer,
            window,
            own,
            counts,
            clock,
            settings.qos0_limit,
            self.lookup,
            fingerprint,
            _share(settings),
        )
        receipts = Receipts(routes.is_subscribed, settings.receipts_limit)
        self.bridge = Bridge(forwarder, producer, window, receipts, own, clock, settings.stalled_after_s)
        options = _connection_options(settings, settings.personal_session, routes.personal.subscribe, "")
        self._connection = MqttConnection(options, self.bridge)
        self._thread = threading.Thread(target=self._run, name="bridge of people", daemon=True)

    def start(self) -> None:
        """Begins to forward, on a thread."""
        self._subjects.erased.start_in_background()
        self._thread.start()

    def join(self) -> None:
        """Waits for its end."""
        self._thread.join()

    def problem(self) -> str | None:
        """Why messages of people do not get on."""
        return self.lookup.problem or self.bridge.kafka_problem()

    def _run(self) -> None:
        try:
            self.bridge.run(self._connection, self._drain_s)
        except BaseException as error:
            crash(error)
        self.lookup.close()
        self._subjects.erased.stop()
        self._subjects.store.close()


def _subjects(settings: Settings) -> tuple[Subjects, Fingerprint]:
    if settings.subject_keys is None:
        raise ConfigurationError(
            "the routes file has routes under `personal`, whose people need subjects: set INGEST_MQTT_SUBJECT_KEYS to "
            "the file of `headrace subjects keys` that all edges share, and INGEST_MQTT_CASSANDRA_HOSTS to where the "
            "subjects are; or take `personal` out of the routes file"
        )
    cassandra = CassandraSettings(
        brokers=settings.brokers,
        cassandra_hosts=settings.cassandra_hosts,
        cassandra_port=settings.cassandra_port,
        local_dc=settings.local_dc,
        keyspace=settings.keyspace,
        username=settings.cassandra_username,
        password=settings.cassandra_password,
    )
    keys = SubjectKeys(settings.subject_keys)
    return open_subjects(cassandra, settings.subject_keys), lambda body: fingerprint_of(body, keys)


def _share(settings: Settings) -> Share | None:
    return None if settings.shared_group else Share(settings.instance, settings.instances)


def _producer(settings: Settings, client_id: str) -> Producer:
    # A full queue would hold the network loop up, so it is larger than the window by construction.
    return Producer(
        settings.brokers,
        client_id,
        **{
            "delivery.timeout.ms": int(settings.delivery_timeout_s * 1_000),
            "queue.buffering.max.messages": 2 * (settings.receive_maximum + settings.qos0_limit) + 1_000_000,
            "queue.buffering.max.kbytes": 4 * settings.window_bytes // 1_024 + 65_536,
        },
    )


def _connection_options(settings: Settings, session: str, subscribe: Sequence[str], watched: str) -> ConnectionOptions:
    return ConnectionOptions(
        host=settings.mqtt_host,
        port=settings.mqtt_port,
        v5=settings.mqtt_version == "5",
        client_id=session,
        filters=[settings.filters + topic_filter for topic_filter in subscribe],
        watched=watched,
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


def _health(
    settings: Settings, registry: CollectorRegistry, bridge: Bridge, personal: _PersonalPart | None
) -> HealthServer:
    live: dict[str, Check] = {"loop": bridge.live_problem}
    ready: dict[str, Check] = {"mqtt": bridge.mqtt_problem, "kafka": bridge.kafka_problem}
    if personal:
        live["personal_loop"] = personal.bridge.live_problem
        ready |= {"personal_mqtt": personal.bridge.mqtt_problem, "personal": personal.problem}
    return HealthServer(settings.http_host, settings.http_port, registry, live=live, ready=ready)
