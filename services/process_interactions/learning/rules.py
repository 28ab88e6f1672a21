"""The rules of learning: lessons and exposures in; versions of the model and dead letters out.

A version is made after the first record whose append time is `publish_every_us` after the last version's, so that one
record after a silence is published at once, and what came after it when the time has passed or no record comes.
"""

from headrace.errors import Reason, TerminalError
from headrace.interactions.records import ITEM_MODELS, RECOMMENDERS, Exposure, Lesson
from headrace.records import Record, decode, encode, headers_of, record_key
from headrace.streams import Batch, OutRecord
from headrace.streams.dead_letters import dead_letter
from process_interactions.learning.counts import LearningCounts
from process_interactions.learning.entries import Entry, LessonEntry, encode_entry, exposure_entry, lesson_entry
from process_interactions.learning.limits import LearningLimits
from process_interactions.learning.site_learner import NewLearner
from process_interactions.learning.site_model import Published
from process_interactions.learning.state import LearningState

STAGE = "process_interactions.learning"
_AHEAD_US = 86_400_000_000


class LearningRules:
    """Implements `headrace.streams.Rules` for one partition: a model across keys has one writer.

    Args:
        new_learner: makes the learner of a site.
        schema: of the learner's cells; part of the state's.
        reach: items before an interaction that learners look at; the others are left out.
        republish: everything is published once under each name that this takes.
    """

    def __init__(
        self,
        new_learner: NewLearner,
        schema: str,
        limits: LearningLimits | None = None,
        counts: LearningCounts | None = None,
        republish: str = "",
        reach: int = 50,
    ) -> None:
        self.state_schema = f"learning/1 {schema}"
        self.counts = counts or LearningCounts()
        self._new_learner = new_learner
        self._limits = limits or LearningLimits()
        self._republish = republish
        self._reach = reach

    def new_state(self) -> LearningState:
        """State of a task of which nothing is known."""
        return LearningState(self._new_learner, self._limits, self.counts)

    def process(self, state: LearningState, batch: Batch) -> list[OutRecord]:
        """Learns a batch and returns what is to be published."""
        out: list[OutRecord] = []
        state.republish(self._republish, batch.timestamps[0])
        for at, now in enumerate(batch.timestamps):
            try:
                entry, content = self._entry(decode(batch.values[at], batch.headers[at]), now)
            except TerminalError as error:
                self.counts.dead_letters[error.reason.value] += 1
                out.append(dead_letter(error, batch, at, STAGE))
                continue
            state.take(entry, content, now)
            self._count(entry, now)
            if state.is_due(now):
                self._publish(state, now, out)
        state.note()
        return out

    def on_idle(self, state: LearningState, now_us: int) -> list[OutRecord]:
        """Publishes what no record came to publish."""
        out: list[OutRecord] = []
        now = state.idle_time(now_us)
        state.republish(self._republish, now)
        if state.is_due(now):
            self._publish(state, now, out)
            state.note()
        return out

    def _entry(self, record: Record, now: int) -> tuple[Entry, bytes]:
        """What is learned of a record, and its encoding.

        Raises:
            TerminalError: it is neither lesson nor exposure, or one that can't be kept.
        """
        entry: Entry
        if isinstance(record, Lesson):
            if max((record.time, *(each.time for each in record.before))) > now + _AHEAD_US:
                raise TerminalError(Reason.INVALID_TIME, "an interaction is more than a day later than its record")
            entry = lesson_entry(record, now, self._reach)
        elif isinstance(record, Exposure):
            entry = exposure_entry(record, now)
        else:
            raise TerminalError(Reason.UNKNOWN_SCHEMA, f"a {type(record).__name__} is neither lesson nor exposure")
        try:
            content = encode_entry(entry)
        except (OverflowError, UnicodeEncodeError) as error:
            raise TerminalError(Reason.INVALID_RECORD, f"a value is out of range: {error}") from error
        if len(content) > self._limits.entry_bytes:
            raise TerminalError(Reason.TOO_LARGE, f"{len(content)} bytes to learn; {self._limits.entry_bytes} fit")
        return entry, content

    def _count(self, entry: Entry, now: int) -> None:
        counts = self.counts
        if not isinstance(entry, LessonEntry):
            counts.exposures += 1
        elif entry.is_forget:
            counts.forgotten += 1
        else:
            counts.lessons += 1
        counts.learned_us = max(counts.learned_us, now)

    def _publish(self, state: LearningState, now: int, out: list[OutRecord]) -> None:
        for published in state.publish(now):
            self.counts.note_published(published)
            out += _records(published)


def _records(published: Published) -> list[OutRecord]:
    """Rows before their version: who reads both topics has rows of a version that it knows of.

    Of an item of which nothing is known any more there is a row that says so, for who reads on, and then none.
    """
    model = published.model
    records: list[OutRecord] = []
    for item in published.items:
        key = record_key(item.site, item.item)
        records.append(OutRecord(ITEM_MODELS, key, encode(item), headers_of(item)))
        if not (item.count or item.neighbours or item.vector):
            records.append(OutRecord(ITEM_MODELS, key, None))
    records.append(OutRecord(RECOMMENDERS, model.site.encode(), encode(model), headers_of(model)))
    return records
