"""Takes events: each is checked by itself, and all that are right are answered once Kafka has them."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from headrace.clock import Clock
from headrace.errors import DeliveryError, TransientError
from headrace.interactions.event import Event, event_of
from headrace.interactions.fault import FieldFault, Refused
from headrace.interactions.fields import content_of
from headrace.interactions.limits import Limits
from headrace.interactions.records import RAW
from headrace.interactions.take import interaction_of
from headrace.records import encode, headers_of
from headrace.subjects.subject import Subject
from serve_api.clients.acting import AnotherUser, acting_as, proven_user
from serve_api.confirmed_writer import ConfirmedWriter, Entry
from serve_api.events.answers import EventsTaken, RefusedOne, nothing_taken, refused_documents
from serve_api.events.metrics import EventMetrics
from serve_api.events.sent import Sent
from serve_api.events.turns import Turns
from serve_api.principal import Principal
from serve_api.problems import unavailable

MAX_PERSONS = 20
"""Of a page's request. Each that is new takes a transaction of Cassandra, and everybody can send with a page's key."""


class Subjects(Protocol):
    """Who a person is in all records."""

    async def subjects_of(self, site: str, names: Sequence[str]) -> list[Subject]:
        """The subjects of people, made where there are none.

        Raises:
            TransientError: they can't be known now.
        """
        ...


_TOO_MANY_PERSONS = FieldFault(
    "session", f"a page's request is about {MAX_PERSONS} people at most", "send those of others in one of their own"
)


class _Right(NamedTuple):
    place: int
    event: Event


class EventIntake:
    """The events of a process.

    Args:
        subjects: None where no keys of subjects are set; no events are taken then.
    """

    def __init__(
        self,
        subjects: Subjects | None,
        writer: ConfirmedWriter,
        clock: Clock,
        metrics: EventMetrics,
        limits: Limits,
    ) -> None:
        self._subjects = subjects
        self._writer = writer
        self._clock = clock
        self._metrics = metrics
        self._limits = limits

    async def take(self, principal: Principal, sent: Sent, token: str | None) -> EventsTaken:
        """Returns when Kafka has confirmed every event that is right.

        Args:
            token: of the request's user, where its header has one.

        Raises:
            Problem: none is right; or Kafka did not confirm, and then it is not known which of them are taken.
            TransientError: the subjects can't be known now; none is taken.
        """
        now = self._clock.now_us()
        right, refused = await self._sort(principal, sent, token or sent.user_token, now)
        self._metrics.count_events("refused", len(refused))
        events, refused_twice = _each_once(right)
        refused += refused_twice
        if not events:
            raise nothing_taken(refused, "events", sent.is_many)
        await self._write(principal.site, events, now)
        repeated = len(right) - len(events) - len(refused_twice)
        self._metrics.count_events("accepted", len(events))
        self._metrics.count_events("repeated", repeated)
        return {"accepted": len(events), "repeated": repeated, "refused": refused_documents(refused)}

    async def _sort(
        self, principal: Principal, sent: Sent, token: str | None, now: int
    ) -> tuple[list[_Right], list[RefusedOne]]:
        proven = proven_user(principal, token)
        right: list[_Right] = []
        refused: list[RefusedOne] = []
        persons: set[str] = set()
        turns = Turns()
        for index, raw in enumerate(sent.each):
            await turns.before(memoryview(raw).nbytes)
            try:
                event = event_of(content_of(raw, "body"), now, self._limits, proven)
                acts = acting_as(principal, event.user, event.session, proven)
                if acts.user != event.user:
                    event = msgspec.structs.replace(event, user=acts.user)
                if principal.client.kind == "browser" and len(persons | {acts.name}) > MAX_PERSONS:
                    raise Refused([_TOO_MANY_PERSONS])
                persons.add(acts.name)
                right.append(_Right(index, event))
            except Refused as refusal:
                refused.append(RefusedOne(index, refusal.faults))
            except AnotherUser as problem:
                if not sent.is_many:
                    self._metrics.count_events("refused", 1)
                    raise
                refused.append(RefusedOne(index, [FieldFault("user", problem.detail, "send your own events")]))
        return right, refused

    async def _write(self, site: str, events: Sequence[Event], now: int) -> None:
        if self._subjects is None:
            self._metrics.count_events("no_subject", len(events))
            raise unavailable("SERVE_API_SUBJECT_KEYS is not set, without which no events are taken", 30, "no-subjects")
        names = [event.person for event in events]
        try:
            subjects = await self._subjects.subjects_of(site, names)
        except TransientError:
            self._metrics.count_events("no_subject", len(events))
            raise
        entries: list[Entry] = []
        turns = Turns()
        for event, subject in zip(events, subjects, strict=True):
            await turns.before(0)
            interaction = interaction_of(event, subject, site, now)
            entries.append((subject.id.encode(), encode(interaction)))
        try:
            await self._writer.write_all(RAW, entries, headers_of(interaction))
        except DeliveryError:
            self._metrics.count_events("unconfirmed", len(events))
            unknown = "Kafka did not confirm it in time, so it may count or not; events with an id count once"
            raise unavailable(unknown, kind="unconfirmed") from None


def _each_once(right: Sequence[_Right]) -> tuple[list[Event], list[RefusedOne]]:
    """The events without repeats of a request, and those of another's id, of which nobody can say which was meant."""
    if len(right) == 1:
        return [right[0].event], []
    known: dict[tuple[str, str], Event] = {}
    events: list[Event] = []
    refused: list[RefusedOne] = []
    for index, event in right:
        if event.id is None:
            events.append(event)
            continue
        first = known.setdefault((event.person, event.id), event)
        if first is event:
            events.append(event)
        elif first != event:
            fault = FieldFault("id", "another event of this person has it", "give each event an id of its own")
            refused.append(RefusedOne(index, [fault]))
    return events, refused
