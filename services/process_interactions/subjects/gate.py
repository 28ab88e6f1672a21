"""Which interactions count: each once, of people who let us, done by people."""

from headrace.errors import Reason, TerminalError
from headrace.interactions.records import Interaction, UserFeatures
from headrace.interactions.user_features import anew, flagged
from process_interactions.counts import Fate, SubjectCounts
from process_interactions.subjects.forget import Forgetting
from process_interactions.subjects.identities import KEPT_US, identity_of
from process_interactions.subjects.outbox import Outbox
from process_interactions.subjects.person import Person
from process_interactions.subjects.rates import Limits
from process_interactions.subjects.state import SubjectsState

FROM_A_MACHINE = "bot"
"""The flag of an interaction by which an edge says that it knows."""


class Gate:
    """Refuses interactions, and flags subjects that are no people."""

    def __init__(self, limits: Limits, forgetting: Forgetting, counts: SubjectCounts) -> None:
        self._limits = limits
        self._forgetting = forgetting
        self._counts = counts

    def check(
        self, state: SubjectsState, person: Person, interaction: Interaction, now: int, out: Outbox
    ) -> Fate | None:
        """None where the interaction counts, or why not.

        Raises:
            TerminalError: the subject is one of another site.
        """
        if interaction.site != person.site:
            raise TerminalError(Reason.INVALID_RECORD, f"its subject is of site {person.site}, not {interaction.site}")
        features = person.features
        is_consent = interaction.kind == "consent"
        if features is not None and not features.consent and not is_consent:
            return "without_consent"
        if interaction.time < person.since:
            return "outdated"
        person.last = max(person.last, now)
        state.touch(person)
        if is_consent:
            return None
        known = person.identities
        known.expire(now - KEPT_US)
        identity = identity_of(interaction.id)
        if known.has(identity):
            return "duplicate"
        person.rates.take(interaction, now)
        if not self._is_by_a_person(state, person, interaction, now, out):
            return "flagged"
        known.add(identity, now)
        return None

    def _is_by_a_person(
        self, state: SubjectsState, person: Person, interaction: Interaction, now: int, out: Outbox
    ) -> bool:
        features = person.features
        is_flagged = features is not None and features.flagged
        if FROM_A_MACHINE in interaction.flags or person.rates.is_absurd(self._limits):
            if not is_flagged:
                self._flag(state, person, interaction, now, out)
            return False
        if features is not None and is_flagged:
            if not person.rates.is_calm(self._limits):
                return False
            self._counts.flags["cleared"] += 1
            person.features, person.since = anew(features, now), interaction.time
            out.note_features(person)
        return True

    def _flag(self, state: SubjectsState, person: Person, interaction: Interaction, now: int, out: Outbox) -> None:
        self._counts.flags["set"] += 1
        self._forgetting.forget(state, person, now, out)
        time = interaction.time
        before = person.features or UserFeatures(person.site, person.subject, 0, time, now, time)
        person.features = flagged(before, now)
        out.note_features(person)
