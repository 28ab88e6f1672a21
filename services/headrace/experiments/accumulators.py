"""From answers and interactions to sums over people: pure, exact, and the same in whatever order the two topics come.

A person is enrolled by the first answer that was made for them in an experiment. What they do in the window after it is
the metric; what they did in the days before is its covariate. When the window has closed, both enter the sums of
the arm, once; so people in the sums are independent, and final. All times are append times. An interaction or an
answer that is read out of turn, as two topics are read at their own pace, mends the sums: they depend only on what
is in the topics, as long as one topic isn't read a day ahead of the other. (Of people who are flagged or withdraw
consent in such a time, it matters which of their answers were read by then.)
"""

from __future__ import annotations

from bisect import insort

from headrace.experiments.experiment import MAX_PAST_DAYS, Experiment, MetricSpec
from headrace.experiments.experiments import Experiments
from headrace.experiments.fixed_point import in_hundredths
from headrace.experiments.parts import Change, Enrolment, Happened, Part, PastDay
from headrace.interactions.records import Interaction, Kind, Recommendation, Sums

DAY_US = 86_400_000_000
MAX_RECENT = 100
"""Interactions that are kept one by one: of a person who does more in a day, the oldest are only known by day."""
_KEPT_US = 90 * DAY_US
"""How long an enrolment outlives the file of its experiment, so that one that is gone by mistake may come back."""
_NEVER_COUNTED = frozenset({"impression", "consent"})


class _Plan:
    """What of an experiment is asked with every record."""

    __slots__ = ("_arms", "_days", "_end", "_name", "_site", "_start", "_taken", "_window", "metrics", "revision")

    def __init__(self, experiment: Experiment) -> None:
        self._name = experiment.name
        self.revision = experiment.revision
        self.metrics = list(experiment.metrics.items())
        self._arms = experiment.shares().keys()
        self._site = experiment.target.site
        self._start, self._end = experiment.start_us, experiment.end_us
        self._window = experiment.window_us
        self._days = experiment.statistics.past_days
        self._taken: dict[tuple[Kind, bool], list[tuple[int, str, MetricSpec]]] = {}

    def is_exposure(self, recommendation: Recommendation, arm: str, now: int) -> bool:
        is_open = self._start <= now and (self._end is None or now < self._end)
        return is_open and arm in self._arms and recommendation.site == self._site

    def enrolment(self, arm: str, now: int) -> Enrolment:
        return Enrolment(self._name, self.revision, arm, now, now + self._window, [(0, 0)] * len(self.metrics))

    def first_past_day(self, made: int) -> int:
        # Without a past, its first day is the one after the exposure's.
        return made // DAY_US - self._days if self._days else made // DAY_US + 1

    def taken(self, kind: Kind, attributed: bool) -> list[tuple[int, str, MetricSpec]]:
        """The metrics that such an interaction counts for: place, name and metric."""
        found = self._taken.get((kind, attributed))
        if found is None:
            found = self._taken[kind, attributed] = [
                (index, name, metric)
                for index, (name, metric) in enumerate(self.metrics)
                if metric.takes(kind, attributed)
            ]
        return found

    def sums(self, enrolment: Enrolment) -> dict[str, Sums]:
        pairs = zip(self.metrics, enrolment.amounts, strict=True)
        return {name: _person(metric, amounts) for (name, metric), amounts in pairs}


class Accumulators:
    """The rules for the experiments of a folder; it keeps nothing, all is in the parts."""

    def __init__(self, experiments: Experiments) -> None:
        self._plans = {each.name: _Plan(each) for each in experiments}

    def enrol(self, part: Part, recommendation: Recommendation, now: int) -> list[Change]:
        """Takes an answer: its arms' first one is an exposure.

        Args:
            part: changed in place.
            now: append time of the answer.
        """
        changes: list[Change] = []
        part.enrolments = [each for each in part.enrolments if self._is_current(each) or now < each.ends + _KEPT_US]
        for name, arm in recommendation.arms.items():
            plan = self._plans.get(name)
            if plan is None or not plan.is_exposure(recommendation, arm, now):
                continue
            known = _find(part, name)
            if known is not None and self._is_current(known):
                continue
            if known is not None:
                part.enrolments.remove(known)
            enrolment = plan.enrolment(arm, now)
            _look_back(plan, enrolment, part)
            part.enrolments.append(enrolment)
            changes.append(Change(name, plan.revision, arm, enrolled=1))
        return changes

    def count(self, part: Part, interaction: Interaction, weight: float, now: int) -> list[Change]:
        """Takes an interaction, once: whoever calls this knows repeats.

        Args:
            part: changed in place.
            weight: what the interaction is worth, by `headrace.interactions.weights`.
            now: append time of the interaction.
        """
        if interaction.kind in _NEVER_COUNTED:
            return []
        attributed = interaction.recommendation is not None
        value = in_hundredths(interaction.value)
        happened = Happened(now, interaction.kind, attributed, value, in_hundredths(weight))
        changes = []
        for enrolment in part.enrolments:
            plan = self._current(enrolment)
            change = None if plan is None else _add(plan, enrolment, happened)
            if change is not None:
                changes.append(change)
        _keep(part, happened)
        return changes

    def due(self, part: Part) -> int | None:
        """When something of the part is to be matured next, in microseconds; None for never, as far as is known."""
        return min((each.ends for each in part.enrolments if not each.matured and self._is_current(each)), default=None)

    def mature(self, part: Part, now: int) -> list[Change]:
        """Lets the windows that have closed by `now` into the sums.

        Args:
            part: changed in place.
            now: append time that has come. A later interaction of the window, read after this, still mends the sums.
        """
        changes = []
        for enrolment in part.enrolments:
            plan = self._current(enrolment)
            if plan is not None and not enrolment.matured and enrolment.ends <= now:
                enrolment.matured = True
                changes.append(_change(enrolment, plan.sums(enrolment)))
        return changes

    def forget(self, part: Part) -> list[Change]:
        """Takes all of a person out of the sums and empties the part: one who is erased, or flagged as no person."""
        changes = []
        for enrolment in part.enrolments:
            plan = self._current(enrolment)
            if plan is not None:
                sums = plan.sums(enrolment) if enrolment.matured else {}
                changes.append(_change(enrolment, {name: minus(Sums(), each) for name, each in sums.items()}, -1))
        part.enrolments, part.recent, part.past = [], [], []
        return changes

    def _current(self, enrolment: Enrolment) -> _Plan | None:
        plan = self._plans.get(enrolment.experiment)
        is_same = plan is not None and plan.revision == enrolment.revision
        return plan if is_same and plan is not None and len(plan.metrics) == len(enrolment.amounts) else None

    def _is_current(self, enrolment: Enrolment) -> bool:
        return self._current(enrolment) is not None


def plus(one: Sums, other: Sums) -> Sums:
    """Both together."""
    return Sums(
        one.n + other.n, one.y + other.y, one.yy + other.yy, one.x + other.x, one.xx + other.xx, one.xy + other.xy
    )


def minus(one: Sums, other: Sums) -> Sums:
    """One without the other."""
    return Sums(
        one.n - other.n, one.y - other.y, one.yy - other.yy, one.x - other.x, one.xx - other.xx, one.xy - other.xy
    )


def _find(part: Part, experiment: str) -> Enrolment | None:
    return next((each for each in part.enrolments if each.experiment == experiment), None)


def _look_back(plan: _Plan, enrolment: Enrolment, part: Part) -> None:
    for happened in part.recent:
        _add(plan, enrolment, happened)
    days = range(plan.first_past_day(enrolment.made), enrolment.made // DAY_US + 1)
    for past in part.past:
        # What is kept by day is a day old, so it was before the exposure.
        if past.day in days:
            for index, _, metric in plan.taken(past.kind, past.attributed):
                y, x = enrolment.amounts[index]
                enrolment.amounts[index] = (y, x + metric.amount(past.value, past.weight, past.count))


def _add(plan: _Plan, enrolment: Enrolment, happened: Happened) -> Change | None:
    taken = plan.taken(happened.kind, happened.attributed)
    time, made = happened.time, enrolment.made
    is_after = made <= time < enrolment.ends
    if not taken or not (is_after or (time < made and time // DAY_US >= plan.first_past_day(made))):
        return None
    sums: dict[str, Sums] = {}
    for index, name, metric in taken:
        before = enrolment.amounts[index]
        amount = metric.amount(happened.value, happened.weight)
        after = (before[0] + amount, before[1]) if is_after else (before[0], before[1] + amount)
        enrolment.amounts[index] = after
        if enrolment.matured:
            sums[name] = minus(_person(metric, after), _person(metric, before))
    return _change(enrolment, sums) if sums else None


def _person(metric: MetricSpec, amounts: tuple[int, int]) -> Sums:
    y, x = (max(-metric.limit, min(amount, metric.limit)) for amount in amounts)
    return Sums(1, y, y * y, x, x * x, x * y)


def _change(enrolment: Enrolment, sums: dict[str, Sums], enrolled: int = 0) -> Change:
    return Change(enrolment.experiment, enrolment.revision, enrolment.arm, enrolled, sums)


def _keep(part: Part, happened: Happened) -> None:
    recent = part.recent
    if recent and happened.time < recent[-1].time:
        insort(recent, happened, key=lambda each: each.time)
    else:
        recent.append(happened)
    newest = recent[-1].time
    is_moved = False
    while len(recent) > MAX_RECENT or recent[0].time < newest - DAY_US:
        _into_day(part, recent.pop(0))
        is_moved = True
    if is_moved:
        first = newest // DAY_US - MAX_PAST_DAYS - 1
        part.past = [each for each in part.past if each.day >= first]


def _into_day(part: Part, happened: Happened) -> None:
    day = happened.time // DAY_US
    for past in part.past:
        if (past.day, past.kind, past.attributed) == (day, happened.kind, happened.attributed):
            past.count += 1
            past.value += happened.value
            past.weight += happened.weight
            return
    part.past.append(PastDay(day, happened.kind, happened.attributed, 1, happened.value, happened.weight))
