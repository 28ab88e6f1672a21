"""What follows of an interaction that counts: features, session, lesson, trail and the sums of experiments."""

from headrace.experiments.accumulators import Accumulators
from headrace.interactions.lessons import lesson_of
from headrace.interactions.records import Interaction
from headrace.interactions.sessions import ended, followed, is_of_a_visit
from headrace.interactions.user_features import SESSION_GAP_US, taken
from headrace.interactions.weights import weight_of
from process_interactions.counts import SubjectCounts
from process_interactions.subjects.forget import Forgetting
from process_interactions.subjects.outbox import Outbox
from process_interactions.subjects.person import Person
from process_interactions.subjects.state import SubjectsState, Timer, What
from process_interactions.subjects.trail import step_of

_LAG_US = 30 * 60_000_000
"""By so much append time may answers be read later than what followed them."""


class Taker:
    """Takes interactions that passed the gate.

    Args:
        window_us: how long an answer is open.
    """

    def __init__(
        self, window_us: int, accumulators: Accumulators, forgetting: Forgetting, counts: SubjectCounts
    ) -> None:
        self._trail_us = window_us + _LAG_US
        self._accumulators = accumulators
        self._forgetting = forgetting
        self._counts = counts

    def take(self, state: SubjectsState, person: Person, interaction: Interaction, now: int, out: Outbox) -> None:
        """Takes one, whose time is not after `now`, its append time."""
        if interaction.kind == "consent":
            self._take_consent(state, person, interaction, now, out)
            return
        lesson = lesson_of(person.features, interaction)
        if lesson is not None:
            out.lesson(person.key, lesson)
        person.features = taken(person.features, interaction, now)
        out.note_features(person)
        if is_of_a_visit(interaction):
            self._visit(state, person, interaction, now, out)
        step = step_of(interaction, now)
        if step is not None:
            person.trail.expire(now - self._trail_us)
            person.trail.add(step, now)
        if interaction.kind != "impression":
            changes = self._accumulators.count(person.part, interaction, weight_of(interaction), now)
            state.add_to_totals(changes, now)
            state.touch_part(person)

    def end_session(self, state: SubjectsState, person: Person, due: int, out: Outbox) -> None:
        """Lets a session be final where nothing came for as long as a pause, or looks again later."""
        session = person.session
        if session is None or not person.session_due:
            return
        if person.session_due > due:
            state.add_timer(Timer(person.session_due, What.SESSION, person.key))
            return
        person.session_due = 0
        person.session = ended(session)
        state.touch(person)
        self._counts.final_sessions += 1
        out.session(person.key, person.session)

    def _take_consent(
        self, state: SubjectsState, person: Person, interaction: Interaction, now: int, out: Outbox
    ) -> None:
        before = person.features
        after = taken(before, interaction, now)
        if after is before:
            return
        if not after.consent:
            self._forgetting.forget(state, person, now, out)
        elif before is not None and not before.consent:
            person.since = interaction.time
        person.features = after
        out.note_features(person)

    def _visit(self, state: SubjectsState, person: Person, interaction: Interaction, now: int, out: Outbox) -> None:
        before = person.session
        session = followed(before, interaction, now)
        if session is None or session is before:
            return
        if before is None or session.start != before.start:
            self._counts.sessions += 1
            if before is not None and not before.final:
                self._counts.final_sessions += 1
                out.session(person.key, ended(before))
        person.session = session
        out.note_session(person)
        if not person.session_due:
            state.add_timer(Timer(now + SESSION_GAP_US, What.SESSION, person.key))
        person.session_due = now + SESSION_GAP_US
