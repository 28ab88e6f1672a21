"""Answers that were given: open for a window, then closed with what followed; and who is in which experiment."""

import struct

import msgspec

from headrace.errors import Reason, TerminalError
from headrace.experiments.accumulators import Accumulators
from headrace.interactions.records import Recommendation
from process_interactions.counts import AnswerFate, SubjectCounts
from process_interactions.subjects.exposures import exposures_of
from process_interactions.subjects.identities import KEPT_US, identity_of
from process_interactions.subjects.outbox import Outbox
from process_interactions.subjects.person import Person
from process_interactions.subjects.state import SubjectsState, Timer, What
from process_interactions.subjects.trail import steps

MOST_OPEN = 100
"""Answers of one subject; for one more the oldest is closed early."""
_APPENDED = struct.Struct(">q")
_DECODER = msgspec.json.Decoder(Recommendation)
_NOT_AN_EVENT = "\0answer\0"
"""Before an answer's id where it is kept among those of interactions."""


class Answers:
    """Opens, closes and enrols.

    Args:
        window_us: how long an answer is open, by append time.
    """

    def __init__(self, window_us: int, accumulators: Accumulators, counts: SubjectCounts) -> None:
        self._window_us = window_us
        self._accumulators = accumulators
        self._counts = counts

    def open(
        self, state: SubjectsState, key: bytes, answer: Recommendation, value: bytes, now: int, out: Outbox
    ) -> AnswerFate:
        """Takes an answer.

        Args:
            value: the answer as it came.
            now: its append time, which may be before or after that of the newest interaction.

        Raises:
            TerminalError: the subject is one of another site.
        """
        if state.is_erased(key):
            return "erased"
        person = state.find_or_make(key, answer.site)
        if answer.site != person.site:
            raise TerminalError(Reason.INVALID_RECORD, f"its subject is of site {person.site}, not {answer.site}")
        features = person.features
        if features is not None and not features.consent:
            return "without_consent"
        if features is not None and features.flagged:
            return "flagged"
        if answer.made < person.since:
            return "outdated"
        identity = identity_of(_NOT_AN_EVENT + answer.id)
        known = person.identities
        known.expire(now - KEPT_US)
        if known.has(identity):
            return "duplicate"
        known.add(identity, now)
        person.last = max(person.last, now)
        if len(person.answers) >= MOST_OPEN:
            self._counts.early_answers += 1
            oldest = min(person.answers, key=lambda one: (person.answers[one], one))
            self.close(state, person, oldest, person.answers[oldest], out)
        state.open_answer(person, answer.id, now + self._window_us, _APPENDED.pack(now) + value)
        self._enrol(state, person, answer, now)
        return "opened"

    def close(self, state: SubjectsState, person: Person, answer_id: str, due: int, out: Outbox) -> None:
        """Says what came of each item."""
        content = state.answer(person, answer_id)
        answer = _DECODER.decode(memoryview(content)[_APPENDED.size :])
        appended = _APPENDED.unpack_from(content)[0]
        for exposure in exposures_of(answer, appended, due, steps(person.trail)):
            self._counts.note_exposure(exposure)
            out.exposure(person.key, exposure)
        state.close_answer(person, answer_id)

    def mature(self, state: SubjectsState, person: Person, now: int) -> None:
        """Lets the experiments' windows that closed by now into the sums."""
        state.add_to_totals(self._accumulators.mature(person.part, now), now)
        state.touch_part(person)

    def _enrol(self, state: SubjectsState, person: Person, answer: Recommendation, now: int) -> None:
        if not answer.arms:
            return
        known = {(one.experiment, one.revision) for one in person.part.enrolments}
        changes = self._accumulators.enrol(person.part, answer, now)
        if not changes:
            return
        state.add_to_totals(changes, now)
        state.touch_part(person)
        for enrolment in person.part.enrolments:
            if (enrolment.experiment, enrolment.revision) not in known:
                state.add_timer(Timer(enrolment.ends, What.EXPERIMENT, person.key))
