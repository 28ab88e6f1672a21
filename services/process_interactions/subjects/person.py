"""All that a task knows of one subject, as an object and as cells.

What changes at different rates is in different cells: the head with every record, the recent items with each
interaction with an item, the bought ones with a purchase, the rest when it applies.
"""

import struct
from collections.abc import Callable, Iterator

import msgspec

from headrace.experiments.parts import Part
from headrace.interactions.records import Recent, Session, UserFeatures
from headrace.streams.batch import Cell
from process_interactions.subjects.chunks import Chunks, key_of
from process_interactions.subjects.identities import identities
from process_interactions.subjects.rates import Rates
from process_interactions.subjects.trail import trail

HEAD, RECENT, BOUGHT, SESSION, EXPERIMENTS = b"h", b"r", b"b", b"s", b"x"
_IDENTITIES, _TRAIL, _ANSWER = b"d", b"t", b"o"
_END = b"\0"
"""No subject has it, so no key of one is that of another."""
_BEGIN = struct.Struct(">q?")
"""The newest append time, and whether there are chunks: what a sweep asks of every head."""
_NOWHERE = (0, 0)
GetCell = Callable[[bytes], bytes | None]


class Head(msgspec.Struct, array_like=True, gc=False):
    """What changes with every record; revision 0 says that there are no features yet.

    `identities` and `trail` are the number of the first chunk, and how many there are.
    """

    site: str
    revision: int
    updated: int
    appended: int
    first_seen: int
    session: int
    session_items: tuple[str, ...]
    counts: dict[str, int]
    decayed: dict[str, float]
    consent: bool
    flagged: bool
    rates: Rates
    since: int
    session_due: int
    answers: dict[str, int]
    identities: tuple[int, int]
    trail: tuple[int, int]
    has_bought: bool
    has_part: bool


class _Visit(msgspec.Struct, array_like=True, gc=False):
    start: int
    last: int
    revision: int
    items: tuple[str, ...]
    final: bool


_ENCODE = msgspec.msgpack.Encoder().encode
_HEAD = msgspec.msgpack.Decoder(Head)
_RECENT = msgspec.msgpack.Decoder(tuple[Recent, ...])
_BOUGHT = msgspec.msgpack.Decoder(tuple[str, ...])
_VISIT = msgspec.msgpack.Decoder(_Visit)
_PART = msgspec.msgpack.Decoder(Part)


class Person:
    """One subject.

    Attributes:
        key: the subject, as the key of its records.
        last: append time of its newest record, microseconds.
        since: event time before which nothing counts: when the subject agreed again, or was found to be a person.
        session_due: append time at which the running session is final; 0 for none.
        answers: open answers: id → append time at which it is closed.
    """

    __slots__ = (
        "_get",
        "_identities",
        "_identities_at",
        "_stored",
        "_trail",
        "_trail_at",
        "answers",
        "features",
        "key",
        "last",
        "part",
        "rates",
        "session",
        "session_due",
        "since",
        "site",
        "subject",
    )

    def __init__(self, key: bytes, site: str, get: GetCell) -> None:
        self.key = key
        self.subject = key.decode()
        self.site = site
        self.last = 0
        self.since = 0
        self.session_due = 0
        self.rates = Rates()
        self.features: UserFeatures | None = None
        self.session: Session | None = None
        self.answers: dict[str, int] = {}
        self.part = Part()
        self._get = get
        self._identities: Chunks | None = None
        self._identities_at = _NOWHERE
        self._trail: Chunks | None = None
        self._trail_at = _NOWHERE
        self._stored: tuple[object, object, object] = (None, None, None)

    @classmethod
    def load(cls, key: bytes, content: bytes, get: GetCell) -> "Person":
        """Of the head's content, and the other cells as `get` gives them; chunks are read when they are asked for."""
        head = _HEAD.decode(memoryview(content)[_BEGIN.size :])
        person = cls(key, head.site, get)
        person.last = _BEGIN.unpack_from(content)[0]
        person.since, person.session_due, person.rates = head.since, head.session_due, head.rates
        person.answers = head.answers
        if head.revision:
            bought = get(BOUGHT + key) if head.has_bought else None
            person.features = _features(person.subject, head, get(RECENT + key), bought)
        visit = get(SESSION + key)
        if visit is not None:
            person.session = _session(head.site, person.subject, _VISIT.decode(visit))
        if head.has_part and (part := get(EXPERIMENTS + key)) is not None:
            person.part = _PART.decode(part)
        person._identities_at, person._trail_at = head.identities, head.trail
        person._stored = person._parts()
        return person

    @property
    def identities(self) -> Chunks:
        """Of the interactions that were taken."""
        if self._identities is None:
            prefix = _prefix(_IDENTITIES, self.key)
            self._identities = identities(prefix, *_contents(prefix, self._identities_at, self._get))
        return self._identities

    @property
    def trail(self) -> Chunks:
        """Of late."""
        if self._trail is None:
            prefix = _prefix(_TRAIL, self.key)
            self._trail = trail(prefix, *_contents(prefix, self._trail_at, self._get))
        return self._trail

    def take_changes(self) -> Iterator[Cell]:
        """The cells that changed since the last call; run it to its end."""
        key = self.key
        yield HEAD + key, self._head()
        before, self._stored = self._stored, self._parts()
        recent, bought, session = self._stored
        if recent is not before[0]:
            yield RECENT + key, _ENCODE(recent) if recent else None
        if bought is not before[1]:
            yield BOUGHT + key, _ENCODE(bought) if bought else None
        if session is not before[2]:
            yield SESSION + key, _visit(self.session)
        for chunks in (self._identities, self._trail):
            if chunks is not None:
                yield from chunks.take_changes()

    def part_cell(self) -> Cell:
        """That of the experiments, which only some interactions change."""
        return EXPERIMENTS + self.key, None if self.part.is_empty() else _ENCODE(self.part)

    def cell_keys(self) -> Iterator[bytes]:
        """Of all cells that it may have."""
        for prefix in (HEAD, RECENT, BOUGHT, SESSION, EXPERIMENTS):
            yield prefix + self.key
        for chunks, prefix in ((self.identities, _IDENTITIES), (self.trail, _TRAIL)):
            for number in range(chunks.first, chunks.first + len(chunks)):
                yield key_of(_prefix(prefix, self.key), number)
        yield from (answer_key(self.key, answer) for answer in self.answers)

    def _parts(self) -> tuple[object, object, object]:
        features = self.features
        return (None, None, self.session) if features is None else (features.recent, features.bought, self.session)

    def _head(self) -> bytes:
        features = self.features or UserFeatures(self.site, self.subject, 0, 0, 0, 0)
        head = Head(
            self.site,
            features.revision,
            features.updated,
            features.appended,
            features.first_seen,
            features.session,
            features.session_items,
            features.counts,
            features.decayed,
            features.consent,
            features.flagged,
            self.rates,
            self.since,
            self.session_due,
            self.answers,
            self._identities_at if self._identities is None else self._identities.place(),
            self._trail_at if self._trail is None else self._trail.place(),
            bool(features.bought),
            not self.part.is_empty(),
        )
        return _BEGIN.pack(self.last, bool(head.identities[1] or head.trail[1])) + _ENCODE(head)


class Dues(msgspec.Struct):
    """What of a head has a time at which something is to be done."""

    session_due: int
    answers: dict[str, int]


def dues_of(content: bytes) -> Dues:
    """Of a head's content."""
    head = _HEAD.decode(memoryview(content)[_BEGIN.size :])
    return Dues(head.session_due, head.answers)


def ends_of(content: bytes) -> list[int]:
    """When the windows of experiments end that are not in the sums, of the content of their cell."""
    return [enrolment.ends for enrolment in _PART.decode(content).enrolments if not enrolment.matured]


def last_of(content: bytes) -> tuple[int, bool]:
    """When a head's newest record came, and whether there are chunks."""
    last, has_chunks = _BEGIN.unpack_from(content)
    return last, has_chunks


def answer_key(key: bytes, answer: str) -> bytes:
    """Of an open answer's cell."""
    return _prefix(_ANSWER, key) + answer.encode()


def _prefix(part: bytes, key: bytes) -> bytes:
    return part + key + _END


def _contents(prefix: bytes, place: tuple[int, int], get: GetCell) -> tuple[int, list[bytes]]:
    first, count = place
    return first, [get(key_of(prefix, number)) or b"" for number in range(first, first + count)]


def _features(subject: str, head: Head, recent: bytes | None, bought: bytes | None) -> UserFeatures:
    return UserFeatures(
        head.site,
        subject,
        head.revision,
        head.updated,
        head.appended,
        head.first_seen,
        _RECENT.decode(recent) if recent else (),
        head.session,
        head.session_items,
        _BOUGHT.decode(bought) if bought else (),
        head.counts,
        head.decayed,
        head.consent,
        head.flagged,
    )


def _session(site: str, subject: str, visit: _Visit) -> Session:
    return Session(site, subject, visit.start, visit.last, visit.revision, visit.items, visit.final)


def _visit(session: Session | None) -> bytes | None:
    if session is None:
        return None
    return _ENCODE(_Visit(session.start, session.last, session.revision, session.items, session.final))
