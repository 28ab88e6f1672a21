"""The journal's entries: what learners were given, in the order in which they were.

Times are those of the append, microseconds; of a publication at an idle time, the wall clock's.
"""

from collections.abc import Iterable, Iterator

import msgspec

from headrace.interactions.records import Exposure, Kind, Lesson, Recent


class LessonEntry(msgspec.Struct, array_like=True, tag=1, gc=False):
    """A lesson without its subject, which no learner asks for."""

    site: str
    appended: int
    time: int
    is_forget: bool
    item: str | None
    weight: float
    interaction: Kind | None
    before: tuple[Recent, ...]
    is_new: bool

    @property
    def lesson(self) -> Lesson:
        """The lesson as learners get it, before and after a restart."""
        return Lesson(
            self.site,
            "",
            self.time,
            "forget" if self.is_forget else "interaction",
            self.item,
            self.weight,
            self.interaction,
            self.before,
            self.is_new,
        )


class ExposureEntry(msgspec.Struct, array_like=True, tag=2, gc=False):
    """An exposure without what only experiments ask for."""

    site: str
    appended: int
    surface: str
    item: str
    position: int
    source: str
    explored: bool
    features: tuple[float, ...]
    made: int
    closed: int
    seen: int | None
    clicked: bool
    carted: bool
    bought: bool
    reward: float
    versions: dict[str, int]

    @property
    def exposure(self) -> Exposure:
        """The exposure as learners get it, before and after a restart."""
        return Exposure(
            "",
            self.site,
            "",
            self.surface,
            self.item,
            self.position,
            self.source,
            self.explored,
            self.features,
            self.made,
            self.closed,
            self.seen,
            self.clicked,
            self.carted,
            self.bought,
            self.reward,
            {},
            self.versions,
        )


class PublicationEntry(msgspec.Struct, array_like=True, tag=3, gc=False):
    """A publication: which rows are unpublished afterwards depends on it, and one of an idle time on the wall clock."""

    site: str
    now: int
    rows: int


class RepublishEntry(msgspec.Struct, array_like=True, tag=4, gc=False):
    """That all rows of all sites are to be published again, asked for under this name."""

    name: str
    now: int


Entry = LessonEntry | ExposureEntry | PublicationEntry | RepublishEntry
_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Entry] = msgspec.msgpack.Decoder(Entry)


def lesson_entry(lesson: Lesson, appended: int, reach: int) -> LessonEntry:
    """What of a lesson is learned: of the items before an interaction the last `reach`, of what is taken back all."""
    is_forget = lesson.kind == "forget"
    return LessonEntry(
        lesson.site,
        appended,
        lesson.time,
        is_forget,
        lesson.item,
        lesson.weight,
        lesson.interaction,
        lesson.before if is_forget else lesson.before[-reach:],
        lesson.is_new,
    )


def exposure_entry(exposure: Exposure, appended: int) -> ExposureEntry:
    """What of an exposure is learned."""
    return ExposureEntry(
        exposure.site,
        appended,
        exposure.surface,
        exposure.item,
        exposure.position,
        exposure.source,
        exposure.explored,
        exposure.features,
        exposure.made,
        exposure.closed,
        exposure.seen,
        exposure.clicked,
        exposure.carted,
        exposure.bought,
        exposure.reward,
        exposure.versions,
    )


def encode_entry(entry: Entry) -> bytes:
    """As msgpack."""
    return _ENCODER.encode(entry)


def decode_entries(contents: Iterable[bytes]) -> Iterator[Entry]:
    """Reads what `encode_entry` gave.

    Raises:
        ValueError: it is damaged, or of a later version.
    """
    for content in contents:
        try:
            yield _DECODER.decode(content)
        except msgspec.MsgspecError as error:
            raise ValueError(f"an entry of the journal can't be read: {error}") from error
