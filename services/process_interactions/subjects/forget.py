"""Forgets a subject and takes back what it taught: one that is erased, is no person, or withdrew consent."""

from headrace.experiments.accumulators import Accumulators
from headrace.interactions.lessons import forget_of
from headrace.interactions.sessions import withdrawn
from process_interactions.counts import SubjectCounts
from process_interactions.subjects.outbox import Outbox
from process_interactions.subjects.person import Person
from process_interactions.subjects.state import SubjectsState


class Forgetting:
    """Leaves the features to its caller, who knows what is to be said of the subject from now on."""

    def __init__(self, accumulators: Accumulators, counts: SubjectCounts) -> None:
        self._accumulators = accumulators
        self._counts = counts

    def forget(self, state: SubjectsState, person: Person, now: int, out: Outbox) -> None:
        """Takes back lessons, sums of experiments and the session; drops answers, identities and trail."""
        lesson = None if person.features is None else forget_of(person.features, now)
        if lesson is not None:
            out.lesson(person.key, lesson)
        if not person.part.is_empty():
            state.add_to_totals(self._accumulators.forget(person.part), now)
            person.part.enrolments, person.part.recent, person.part.past = [], [], []
            state.touch_part(person)
        self._counts.dropped_answers += len(person.answers)
        for answer in list(person.answers):
            state.close_answer(person, answer)
        if person.session is not None:
            out.session(person.key, withdrawn(person.session))
        person.session, person.session_due = None, 0
        person.identities.clear()
        person.trail.clear()
        state.touch(person)
