"""The rules of the stage of subjects: interactions, answers and erasures in; all that follows of each subject out.

Each record counts once: a repeated id is recognised. Time is event time, and never later than the append; "now" is the
append time of the newest interaction, which alone moves timers. So what comes of an answer doesn't depend on how far
the topic of answers is read against that of interactions. Of features and running sessions only the newest revision of
a batch is written; which ones are left out depends on the batches, what each says does not.
"""

from collections.abc import Callable

from headrace.errors import Reason, TerminalError
from headrace.experiments.accumulators import Accumulators
from headrace.experiments.experiments import Experiments
from headrace.interactions.records import ERASED, MADE, RAW, Erasure, Interaction, Recommendation
from headrace.records import Record, decode
from headrace.streams import Batch, OutRecord
from headrace.streams.dead_letters import dead_letter
from process_interactions.counts import Fate, SubjectCounts
from process_interactions.subjects.answers import Answers
from process_interactions.subjects.checks import check_answer, check_interaction, checked_key
from process_interactions.subjects.forget import Forgetting
from process_interactions.subjects.gate import Gate
from process_interactions.subjects.identities import KEPT_US
from process_interactions.subjects.outbox import Outbox
from process_interactions.subjects.settings import SubjectSettings
from process_interactions.subjects.state import SubjectsState, Timer, What
from process_interactions.subjects.take import Taker

STAGE = "process_interactions.subjects"
_SWEEP_EVERY_US = 86_400_000_000


def _nobody(_: bytes) -> bool:
    return False


class SubjectRules:
    """Implements `headrace.streams.Rules`; one object serves all partitions of a process.

    Args:
        experiments: whose sums are kept.
        will_be_erased: of a subject's key; for a replay, which must not bring back what is erased later.
    """

    state_schema = "subjects/1"

    def __init__(
        self,
        settings: SubjectSettings | None = None,
        experiments: Experiments | None = None,
        counts: SubjectCounts | None = None,
        will_be_erased: Callable[[bytes], bool] = _nobody,
    ) -> None:
        self._will_be_erased = will_be_erased
        self.counts = counts or SubjectCounts()
        self._settings = settings or SubjectSettings()
        self._experiments = experiments or Experiments()
        accumulators = Accumulators(self._experiments)
        self._answers = Answers(self._settings.window_us, accumulators, self.counts)
        self._forgetting = Forgetting(accumulators, self.counts)
        self._gate = Gate(self._settings.limits, self._forgetting, self.counts)
        self._taker = Taker(self._settings.window_us, accumulators, self._forgetting, self.counts)
        self._by_topic: dict[str, Callable[[SubjectsState, Batch, int, Outbox], None]] = {
            RAW: self._interaction,
            MADE: self._answer,
            ERASED: self._erasure,
        }

    def new_state(self) -> SubjectsState:
        """State of a partition of which nothing is known."""
        return SubjectsState(self._will_be_erased)

    def process(self, state: SubjectsState, batch: Batch) -> list[OutRecord]:
        """Takes a batch into the state and returns what follows, in order."""
        take = self._by_topic[batch.topic]
        out = Outbox(state, self._experiments, batch.partition)
        for at in range(len(batch)):
            try:
                take(state, batch, at, out)
            except TerminalError as error:
                self.counts.dead_letters[error.reason.value] += 1
                out.add(dead_letter(error, batch, at, STAGE))
        return out.close()

    def on_idle(self, state: SubjectsState, now_us: int) -> list[OutRecord]:
        """Nothing: only interactions move time, so that a recomputation gives the same."""
        return []

    def _interaction(self, state: SubjectsState, batch: Batch, at: int, out: Outbox) -> None:
        now, key = batch.timestamps[at], batch.keys[at]
        self._run_due(state, now, out)
        interaction = decode(batch.values[at], batch.headers[at])
        if not isinstance(interaction, Interaction):
            raise _not_a("interaction.v1", interaction)
        key = checked_key(key, interaction.subject)
        check_interaction(interaction)
        interaction.time = min(interaction.time, now)
        self.counts.interactions[interaction.kind, self._fate(state, key, interaction, now, out)] += 1

    def _fate(self, state: SubjectsState, key: bytes, interaction: Interaction, now: int, out: Outbox) -> Fate:
        if state.is_erased(key):
            return "erased"
        person = state.find_or_make(key, interaction.site)
        fate = self._gate.check(state, person, interaction, now, out)
        if fate is None:
            self._taker.take(state, person, interaction, now, out)
            return "taken"
        return fate

    def _answer(self, state: SubjectsState, batch: Batch, at: int, out: Outbox) -> None:
        value = batch.values[at]
        answer = decode(value, batch.headers[at])
        if not isinstance(answer, Recommendation) or value is None:
            raise _not_a("recommendation.v1", answer)
        key = checked_key(batch.keys[at], answer.subject)
        check_answer(answer, len(value))
        self.counts.answers[self._answers.open(state, key, answer, value, batch.timestamps[at], out)] += 1

    def _erasure(self, state: SubjectsState, batch: Batch, at: int, out: Outbox) -> None:
        now, value = batch.timestamps[at], batch.values[at]
        if value is None:
            state.set_erased(batch.keys[at] or b"", None)
            return
        erasure = decode(value, batch.headers[at])
        if not isinstance(erasure, Erasure):
            raise _not_a("erasure.v1", erasure)
        key = checked_key(batch.keys[at], erasure.subject)
        person = state.find(key)
        if person is None and state.was_erased(key):
            return
        if person is not None:
            self._forgetting.forget(state, person, now, out)
            state.drop(person)
        state.set_erased(key, erasure.erased)
        self.counts.erasures += 1
        out.withdraw_features(key)

    def _run_due(self, state: SubjectsState, now: int, out: Outbox) -> None:
        while (timer := state.next_due(now)) is not None:
            self._run(state, timer, out)
        # One that is days ahead is of a clock that went back since.
        if now >= state.next_sweep or now < state.next_sweep - 2 * _SWEEP_EVERY_US:
            self._sweep(state, now, out)

    def _run(self, state: SubjectsState, timer: Timer, out: Outbox) -> None:
        person = state.find(timer.key)
        if person is None:
            return
        if timer.what is What.ANSWER:
            if person.answers.get(timer.answer) == timer.due:
                self._answers.close(state, person, timer.answer, timer.due, out)
        elif timer.what is What.SESSION:
            self._taker.end_session(state, person, timer.due, out)
        else:
            self._answers.mature(state, person, timer.due)

    def _sweep(self, state: SubjectsState, now: int, out: Outbox) -> None:
        """Once a day: forgets subjects that did nothing for long, and of the others what is too old."""
        oldest = now - self._settings.forget_after_us
        for key, last in state.silent(oldest, max(oldest, now - KEPT_US)):
            person = state.find(key)
            if person is None:
                continue
            if person.features is not None and not person.features.consent:
                # Whoever withdrew consent did so for good, and little is kept of them.
                state.let_go(person)
            elif last >= oldest:
                person.identities.clear()
                person.trail.clear()
                state.touch(person)
                state.let_go(person)
            else:
                if person.features is not None:
                    out.withdraw_features(key)
                state.drop(person)
                self.counts.forgotten += 1
        state.next_sweep = now + _SWEEP_EVERY_US


def _not_a(schema: str, found: Record) -> TerminalError:
    return TerminalError(Reason.INVALID_RECORD, f"not a {schema} but a {type(found).__name__}")
