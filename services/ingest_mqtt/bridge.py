"""The bridge's loop: one thread reads from MQTT, produces to Kafka, and answers when Kafka has confirmed.

Nothing in a turn waits for Kafka, so pings go on while Kafka is away; reading stops when the window is full.
"""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Protocol

from confluent_kafka import KafkaError

from headrace.clock import Clock
from headrace.kafka import RecordWriter
from ingest_mqtt.metrics import Metrics
from ingest_mqtt.mqtt_connection import MqttConnection
from ingest_mqtt.mqtt_packets import Publish, write_acks
from ingest_mqtt.receipts import Receipts, receipt_body
from ingest_mqtt.window import Entry, Window

log = logging.getLogger(__name__)

_IDLE_S = 0.1
_GATHER_S = 0.001
"""Least time between two reads: a turn costs as much as some ten messages, so what trickles in is gathered."""
_SHORTEST_WAIT_S, _LONGEST_WAIT_S = 0.001, 0.02
_TURNS_BEFORE_LONGER = 32
"""Turns without news, while Kafka owes reports, after which the wait between looks grows."""
_STUCK_S = 30.0
_CLOSE_S = 2.0
"""For the broker's end of the connection, after DISCONNECT."""


class Taker(Protocol):
    """Produces what arrives, in its order: `Forwarder`, or `PersonalForwarder`."""

    topic: str
    """Where what is accepted goes, as receipts say."""

    def take(self, publishes: Sequence[Publish]) -> None:
        """Takes the messages of one read."""
        ...

    def advance(self) -> None:
        """Goes on with what waits for something else than Kafka; called once a turn."""
        ...

    def refuse(self, entry: Entry) -> None:
        """Makes a dead letter of a message that Kafka refuses for its size."""
        ...


class BrokenProducerError(RuntimeError):
    """Kafka's producer can't go on: the process ends without acks and the broker sends again."""


class Bridge:
    """Forwards until told to stop. `MqttConnection` tells it what arrives."""

    def __init__(
        self,
        forwarder: Taker,
        writer: RecordWriter,
        window: Window,
        receipts: Receipts,
        metrics: Metrics,
        clock: Clock,
        stalled_after: float,
    ) -> None:
        self._forwarder = forwarder
        self._writer = writer
        self._window = window
        self._receipts = receipts
        self._metrics = metrics
        self._clock = clock
        self._stalled_after = stalled_after
        self._connection: MqttConnection | None = None
        self._stop = threading.Event()
        self._draining = False
        self._quiet_turns = 0
        self._took = False
        self._outgoing: list[bytes] = []
        self._last_turn = clock.monotonic()
        self._window.now = self._last_turn
        self._export_gauges(metrics)

    def run(self, connection: MqttConnection, drain: float) -> None:
        """Forwards until `stop`, then waits at most `drain` seconds for Kafka, sends the last acks and disconnects.

        Raises:
            ConfigurationError: the broker refuses what the bridge needs.
            BrokenProducerError: the producer met a fatal error.
        """
        self._connection = connection
        while not self._stop.is_set():
            self.turn(connection)
        self._drain(connection, drain)

    def stop(self) -> None:
        """Asks `run` to end; may be called by a signal handler or another thread."""
        self._stop.set()

    def turn(self, connection: MqttConnection) -> None:
        """Does what there is to do, and waits a moment where there is nothing."""
        self._gather()
        self._last_turn = self._window.now = self._clock.monotonic()
        connection.turn(self._wait(), read=not self._window.is_full())
        self._forwarder.advance()
        self._writer.poll(0)
        if self._window.failures:
            self._handle_failures(connection)
        self._quiet_turns = 0 if self._window.delivered else self._quiet_turns + 1
        self._answer(connection)

    def live_problem(self) -> str | None:
        """What is wrong with the loop itself."""
        silent = self._clock.monotonic() - self._last_turn
        return f"the loop has not turned for {silent:.0f} s" if silent > _STUCK_S else None

    def mqtt_problem(self) -> str | None:
        """Why messages do not arrive."""
        return self._connection.problem if self._connection else "not started"

    def kafka_problem(self) -> str | None:
        """Why messages do not get on."""
        stalled = self._stalled_for()
        return f"Kafka has confirmed nothing for {stalled:.0f} s" if stalled > self._stalled_after else None

    def _export_gauges(self, metrics: Metrics) -> None:
        window = self._window
        metrics.connected.set_function(lambda: self._connection is not None and self._connection.is_up)
        metrics.in_flight.set_function(lambda: window.outstanding)
        metrics.in_flight_bytes.set_function(lambda: window.outstanding_bytes)
        metrics.stalled.set_function(self._stalled_for)

    def on_up(self, receive_maximum: int) -> None:
        self._metrics.connections.inc()
        self._outgoing.extend(self._receipts.resume(receive_maximum))

    def on_down(self) -> None:
        self._metrics.abandoned.inc(self._window.abandon())
        self._outgoing.clear()

    def on_publishes(self, publishes: list[Publish]) -> None:
        # What comes during a stop stays unacknowledged: the broker sends it to the session's next bridge.
        if not self._draining:
            self._quiet_turns = 0
            self._took = True
            self._forwarder.take(publishes)

    def on_puback(self, mid: int) -> None:
        self._receipts.acknowledged(mid)

    def _gather(self) -> None:
        if self._took:
            self._took = False
            rest = self._last_turn + _GATHER_S - self._clock.monotonic()
            if rest > 0:
                time.sleep(rest)

    def _wait(self) -> float:
        if not self._window.outstanding and not self._receipts.waiting:
            return _IDLE_S
        longer: float = _SHORTEST_WAIT_S * 2 ** (self._quiet_turns // _TURNS_BEFORE_LONGER)
        return min(longer, _LONGEST_WAIT_S)

    def _answer(self, connection: MqttConnection) -> None:
        window, metrics = self._window, self._metrics
        if window.delivered:
            metrics.forwarded.inc(window.take_delivered())
        if window.confirmed:
            self._queue_receipts()
        if not connection.is_up:
            return
        packets = self._outgoing
        if self._receipts.waiting:
            sent = self._receipts.take()
            metrics.receipts("sent").inc(len(sent))
            packets.extend(sent)
        # Receipts go first: a broker that saw the ack then saw the receipt too.
        mids = window.release()
        if mids:
            metrics.acked.inc(len(mids))
            packets.append(write_acks(mids))
        if packets:
            self._outgoing = []
            connection.send(b"".join(packets))

    def _queue_receipts(self) -> None:
        confirmed, self._window.confirmed = self._window.confirmed, []
        for entry, partition, offset in confirmed:
            outcome = self._receipts.add(
                entry.publish, receipt_body(self._forwarder.topic, partition, offset, entry.reason)
            )
            if outcome:
                self._metrics.receipts(outcome).inc()

    def _handle_failures(self, connection: MqttConnection) -> None:
        failures, self._window.failures = self._window.failures, []
        for entry, error, _ in failures:
            self._metrics.failures.inc()
            if isinstance(error, KafkaError) and error.fatal():
                raise BrokenProducerError(error.str())
            if isinstance(error, KafkaError) and error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                self._forwarder.refuse(entry)
            elif not entry.publish.qos:
                self._metrics.dropped("kafka_failed").inc()
            elif self._window.awaits(entry):
                log.error("Kafka did not take a record: the session starts anew", extra={"error": str(error)})
                connection.drop(f"Kafka did not take a record: {error}")

    def _drain(self, connection: MqttConnection, seconds: float) -> None:
        self._draining = True
        deadline = self._clock.monotonic() + seconds
        while (self._window.outstanding or self._receipts) and connection.is_up and self._clock.monotonic() < deadline:
            self.turn(connection)
        self._answer(connection)
        connection.close(_CLOSE_S)
        log.info("stopped", extra={"unconfirmed": self._window.outstanding, "receipts_unsent": len(self._receipts)})

    def _stalled_for(self) -> float:
        return self._window.stalled_for(self._clock.monotonic())
