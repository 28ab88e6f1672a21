"""The bridge's connection to the MQTT broker: connects, subscribes, reads, sends, and connects again with back-off."""

import logging
import random
import select
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from headrace.errors import ConfigurationError
from ingest_mqtt.mqtt_client import MqttClient
from ingest_mqtt.mqtt_packets import DISCONNECT, Publish

log = logging.getLogger(__name__)

_SESSION_TAKEN_OVER = 0x8E
_MISC_EVERY_S = 0.2
_UNLIMITED = 65_535
_SHORT_LIVED = 3
"""Connections in a row that ended soon after they came up, before this is worth a warning."""
_HANGUP = select.POLLERR | select.POLLHUP | select.POLLNVAL


class Listener(Protocol):
    """Who is told what the connection brings."""

    def on_up(self, receive_maximum: int) -> None:
        """The session goes on; the broker takes this many unacknowledged QoS 1 messages."""

    def on_down(self) -> None:
        """The connection ended: packet ids of its messages mean nothing any more."""

    def on_publishes(self, publishes: list[Publish]) -> None:
        """Messages, in order."""

    def on_puback(self, mid: int) -> None:
        """The broker has the message that was sent with this packet id."""


@dataclass(frozen=True)
class ConnectionOptions:
    """How to connect; times in seconds. `watched` is subscribed to at QoS 0 beside the filters."""

    host: str
    port: int
    v5: bool
    client_id: str
    filters: Sequence[str]
    watched: str
    keepalive: int
    session_expiry: int
    receive_maximum: int
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None
    min_delay: float = 0.2
    max_delay: float = 5.0


class MqttConnection:
    """One session with the broker, over as many connections as it takes. One thread calls it."""

    def __init__(
        self, options: ConnectionOptions, listener: Listener, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._options = options
        self._listener = listener
        self._clock = clock
        self._client = MqttClient(options.client_id, options.v5, listener.on_publishes, listener.on_puback)
        self._prepare(options)
        self._poll = select.poll()
        self._delay = options.min_delay
        self._next_try = 0.0
        self._next_misc = 0.0
        self._up_since: float | None = None
        self._short_lived = 0
        self.problem: str | None = "not connected yet"

    @property
    def is_up(self) -> bool:
        """Whether packets can be sent."""
        return self._up_since is not None

    def turn(self, timeout: float, read: bool = True) -> None:
        """Waits at most `timeout` seconds for the broker and does what there is to do.

        Raises:
            ConfigurationError: the broker refuses a subscription, or another client has taken over the session.
        """
        now = self._clock()
        if self._client.socket() is None:
            if now < self._next_try:
                time.sleep(min(timeout, self._next_try - now))
            else:
                self._connect(now)
            return
        self._wait(timeout, read)
        if now >= self._next_misc:
            self._next_misc = now + _MISC_EVERY_S
            if not read:
                self._client.excuse_silence()
            self._client.loop_misc()

    def send(self, packets: bytes) -> None:
        """Sends whole packets, joined."""
        self._client.send_packets(packets)

    def drop(self, why: str) -> None:
        """Ends the connection so that the broker sends again what is not acknowledged, after the back-off."""
        if self._client.socket() is not None:
            self._client.drop_connection()
        self.problem = why

    def close(self, timeout: float) -> None:
        """Sends what is queued and DISCONNECT, and waits for the broker to close; it keeps the session.

        Closing first, with messages in the socket that nobody read, resets the connection: mosquitto was seen to throw
        away the acks that it had not read yet.
        """
        if self._client.socket() is None:
            return
        deadline = self._clock() + timeout
        self._client.send_packets(DISCONNECT)
        while self._client.socket() is not None and self._clock() < deadline:
            self._wait(0.05, read=True)
        self.drop("stopped")

    def _prepare(self, options: ConnectionOptions) -> None:
        client = self._client
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        if options.username is not None:
            client.username_pw_set(options.username, options.password)
        if options.tls is not None:
            client.tls_set_context(options.tls)
        if options.v5:
            properties = _connect_properties(options)
            client.connect_async(
                options.host, options.port, options.keepalive, clean_start=False, properties=properties
            )
        else:
            client.connect_async(options.host, options.port, options.keepalive)

    def _connect(self, now: float) -> None:
        self._next_try = now + self._delay * random.uniform(0.5, 1.0)  # noqa: S311 - spreads reconnects, no secret
        self._delay = min(self._delay * 2, self._options.max_delay)
        try:
            self._client.reconnect()
            self.problem = "the broker has not answered yet"
        except OSError as error:
            self.problem = f"no connection to {self._options.host}:{self._options.port}: {error}"

    def _wait(self, timeout: float, read: bool) -> None:
        client = self._client
        sock: Any = client.socket()
        wanted = (select.POLLIN if read else 0) | (select.POLLOUT if client.want_write() else 0)
        self._poll.modify(sock, wanted)
        events = self._poll.poll(max(1, int(timeout * 1_000)) if timeout > 0 else 0)
        if not events:
            return
        event = events[0][1]
        if event & select.POLLOUT:
            client.loop_write()
        if event & (select.POLLIN | _HANGUP) and client.socket() is not None:
            client.loop_read()

    def _on_socket_open(self, client: Client, userdata: Any, sock: Any) -> None:
        self._poll.register(sock, select.POLLIN)

    def _on_socket_close(self, client: Client, userdata: Any, sock: Any) -> None:
        self._poll.unregister(sock)

    def _on_connect(
        self, client: Client, userdata: Any, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self.problem = f"the broker refuses the connection: {reason}"
            log.warning("connection refused", extra={"reason": str(reason)})
            return
        log.info("connected", extra={"session_present": flags.session_present})
        self._up_since = self._clock()
        self.problem = "not subscribed yet"
        self._subscribe()
        self._listener.on_up(int(getattr(properties, "ReceiveMaximum", _UNLIMITED)))

    def _subscribe(self) -> None:
        """Subscribes on every connection: a session that goes on may hold the filters of an older routes file."""
        filters, watched = self._options.filters, self._options.watched
        if not self._options.v5:
            self._client.subscribe([*((name, 1) for name in filters), *([(watched, 0)] if watched else [])])
            return
        # Retain As Published stays off: the flag then marks stored messages only, not new ones that their sender asked
        # the broker to store. Stored ones come once, when a subscription is new, not at every reconnect.
        once = SubscribeOptions(1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        wanted = [(name, once) for name in filters]
        if watched:
            # mosquitto publishes its figures when they change; the last one is a stored message.
            wanted.append((watched, SubscribeOptions(0, retainHandling=SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE)))
        self._client.subscribe(wanted)

    def _on_subscribe(
        self, client: Client, userdata: Any, mid: int, reasons: list[ReasonCode], properties: Properties | None
    ) -> None:
        for name, reason in zip(self._options.filters, reasons, strict=False):
            if reason.value != 1:
                raise ConfigurationError(
                    f"the broker answered the subscription to {name!r} at QoS 1 with {reason}: allow the user of the "
                    "bridge to read it, or take it out of the routes file"
                )
        self.problem = None

    def _on_disconnect(
        self,
        client: Client,
        userdata: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if self._up_since is not None:
            self.problem = f"disconnected: {reason}"
            self._note_lifetime(self._up_since)
        self._next_try = self._clock() + self._delay * random.uniform(0.5, 1.0)  # noqa: S311 - as above
        self._up_since = None
        self._listener.on_down()
        if flags.is_disconnect_packet_from_server and reason.value == _SESSION_TAKEN_OVER:
            raise ConfigurationError(
                f"another client has taken over the session {self._options.client_id!r}: give each bridge an instance "
                "number or a client id of its own"
            )

    def _note_lifetime(self, since: float) -> None:
        if self._clock() - since > self._options.max_delay:
            self._delay = self._options.min_delay
            self._short_lived = 0
            return
        self._short_lived += 1
        if self._short_lived % _SHORT_LIVED == 0:
            # mosquitto 2.0.11 closes the older connection of a client id without saying why.
            log.warning(
                "connections end soon after they came up: another client may use the same client id",
                extra={"client_id": self._options.client_id, "in_a_row": self._short_lived},
            )


def _connect_properties(options: ConnectionOptions) -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it without types
    properties.SessionExpiryInterval = options.session_expiry
    properties.ReceiveMaximum = options.receive_maximum
    return properties
