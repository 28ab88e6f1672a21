"""Forwards messages of people: each becomes interactions under subjects, a dead letter without values, or both.

In the order of arrival, since one's interactions keep theirs: a message whose subjects are not known yet has those
behind it wait. They are in a session of their own, so that no device waits with them.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from headrace import deadletter, raw
from headrace.clock import Clock
from headrace.deadletter import DeadLetter, Source
from headrace.deadletter_topic import PERSONAL
from headrace.errors import Reason, TerminalError
from headrace.interactions.limits import Limits
from headrace.interactions.records import RAW
from headrace.interactions.take import interaction_of
from headrace.kafka import OnDelivery, RecordWriter
from headrace.records import encode, headers_of
from headrace.subjects.subject import Subject
from ingest_mqtt.forwarder import OTHER_INSTANCE, Share
from ingest_mqtt.hidden_letter import error_of, hidden_body
from ingest_mqtt.metrics import Metrics, PersonalMetrics
from ingest_mqtt.mqtt_packets import Publish
from ingest_mqtt.personal_events import Message, message_id_of, read_message, with_id
from ingest_mqtt.personal_routes import PersonalRoutes, PersonalTarget
from ingest_mqtt.subject_lookup import Person, SubjectLookup
from ingest_mqtt.window import Entry, Window

STAGE = "ingest_mqtt.interactions"
_RECORD_BYTES = 512
_MAX_TOPIC_BYTES = 4_096
_TIMES = 5
"""What the events of a body weigh, in bodies."""
_LOOKED_UP = 1_000
"""People at once, and messages that are looked through for them."""
Fingerprint = Callable[[bytes], str]


@dataclass(slots=True)
class _Waiting:
    entry: Entry
    target: PersonalTarget | None
    message: Message
    received: int
    people: Sequence[Person] = ()


class _Reports:
    """Kafka's reports of all records of one message, told to its entry as one.

    A receipt names the dead letter's place, or else that of the last record.
    """

    def __init__(self, entry: Entry, count: int) -> None:
        self._entry = entry
        self._left = count
        self._error: Any = None
        self._letter: Any = None

    def __call__(self, error: Any, message: Any) -> None:
        self._error = self._error or error
        self._left -= 1
        if not self._left:
            self._entry(self._error, self._letter or message)

    def of_letter(self, error: Any, message: Any) -> None:
        """The report of the dead letter among them."""
        self._letter = message
        self(error, message)


class PersonalForwarder:
    """Takes messages in order and produces their interactions in order.

    Args:
        fingerprint: of a body; it tells nothing of the body to somebody who has no secret.
        share: None where the broker shares the messages out.
    """

    topic = RAW

    def __init__(
        self,
        routes: PersonalRoutes,
        writer: RecordWriter,
        window: Window,
        metrics: Metrics,
        counts: PersonalMetrics,
        clock: Clock,
        qos0_limit: int,
        lookup: SubjectLookup,
        fingerprint: Fingerprint,
        share: Share | None = None,
    ) -> None:
        self._routes = routes
        self._writer = writer
        self._window = window
        self._metrics = metrics
        self._counts = counts
        self._clock = clock
        self._qos0_limit = qos0_limit
        self._lookup = lookup
        self._fingerprint = fingerprint
        self._share = share if share and share.instances > 1 else None
        self._waiting: deque[_Waiting] = deque()
        self._limits = Limits()
        counts.waiting.set_function(lambda: len(self._waiting))

    def take(self, publishes: Sequence[Publish]) -> None:
        """Takes the messages of one read; what is known already of their people is produced at once."""
        now = self._clock.now_us()
        self._metrics.count_arrivals(publishes)
        for publish in publishes:
            if not publish.qos and self._window.outstanding_qos0 >= self._qos0_limit:
                self._metrics.dropped("qos0_limit").inc()
            elif self._share is not None and not self._share.has(publish.topic):
                self._window.skip(publish)
                self._metrics.ignored(OTHER_INSTANCE).inc()
            else:
                self._waiting.append(self._read(publish, now))
        self.advance()

    def advance(self) -> None:
        """Goes on with what waits for subjects; to be called whenever some may be found."""
        self._lookup.take()
        while self._waiting:
            first = self._waiting[0]
            if first.entry.publish.qos and not self._window.awaits(first.entry):
                # Its connection ended: the broker sends it again.
                self._window.forget(first.entry)
            else:
                subjects = self._lookup.known(first.people)
                if subjects is None:
                    self._look_up()
                    return
                self._produce(first, [subjects[person] for person in first.people])
            self._waiting.popleft()

    def refuse(self, entry: Entry) -> None:
        """Makes a dead letter of a message of which Kafka refuses a record for its size."""
        error = TerminalError(Reason.TOO_LARGE, "Kafka refuses a record of it for its size")
        self._window.readd(entry, error.reason.value)
        waiting = _Waiting(entry, self._routes.resolve(entry.publish.topic), Message(error=error), self._clock.now_us())
        self._send_letter(waiting, error, entry)

    def _read(self, publish: Publish, now: int) -> _Waiting:
        target = self._routes.resolve(publish.topic)
        if target is None:
            message = Message(error=TerminalError(Reason.NO_ROUTE, "no route of `personal` fits its topic: add one"))
        else:
            message = read_message(publish.payload, target, now, self._limits)
        error = error_of(message)
        size = _TIMES * len(publish.payload) + _RECORD_BYTES
        entry = self._window.add(publish, size, error.reason.value if error else "")
        people = [(target.site, event.person) for _, event in message.events] if target else ()
        return _Waiting(entry, target, message, now, people)

    def _look_up(self) -> None:
        if self._lookup.may_begin:
            # All of the first, however many they are, or it would wait for ever.
            people = dict.fromkeys(self._waiting[0].people)
            for waiting in islice(self._waiting, 1, _LOOKED_UP):
                if len(people) >= _LOOKED_UP:
                    break
                people.update(dict.fromkeys(waiting.people))
            self._lookup.look_up(people)

    def _produce(self, waiting: _Waiting, subjects: Sequence[Subject]) -> None:
        message, entry = waiting.message, waiting.entry
        error = error_of(message)
        reports = _Reports(entry, len(message.events) + (error is not None))
        message_id = message_id_of(entry.publish)
        site = waiting.target.site if waiting.target else ""
        for (place, event), subject in zip(message.events, subjects, strict=True):
            interaction = interaction_of(with_id(event, place, message_id, subject), subject, site, waiting.received)
            self._writer.produce(RAW, encode(interaction), subject.id.encode(), headers_of(interaction), reports)
        if error is not None:
            self._send_letter(waiting, error, reports.of_letter)
        self._counts.events("accepted").inc(len(message.events))
        self._counts.events("refused").inc(len(message.refused))

    def _send_letter(self, waiting: _Waiting, error: TerminalError, on_delivery: OnDelivery) -> None:
        publish, target = waiting.entry.publish, waiting.target
        headers = [(raw.RECEIVED, b"%d" % waiting.received), (raw.MQTT_QOS, b"%d" % publish.qos)]
        if target is not None and not target.route.has_people_in_topics:
            headers.append((raw.MQTT_TOPIC, publish.topic[:_MAX_TOPIC_BYTES]))
        letter = DeadLetter.of(
            error,
            Source(f"{PERSONAL}{target.route.name if target else ''}"),
            STAGE,
            waiting.received,
            hidden_body(publish.payload, waiting.message, self._fingerprint(publish.payload)),
            None,
            headers,
        )
        self._metrics.dead_letters(error.reason.value).inc()
        deadletter.send(self._writer, letter, on_delivery)
