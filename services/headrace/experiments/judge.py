"""From the sums of all tasks to an experiment's results."""

from collections.abc import Iterable, Mapping

from headrace.experiments.accumulators import plus
from headrace.experiments.arm_estimates import ArmEstimate, Estimates, estimate
from headrace.experiments.comparison import Comparison, compare
from headrace.experiments.confidence_sequence import p_value_above, tuning
from headrace.experiments.corrections import adjusted
from headrace.experiments.experiment import HOLDOUT, Experiment, Guardrail, MetricSpec
from headrace.experiments.results import (
    ArmResult,
    GuardrailResult,
    GuardrailState,
    MetricArm,
    MetricResult,
    Results,
    Role,
    SampleRatio,
    Verdict,
)
from headrace.experiments.sample_ratio import chi_squared_p, sequential_p
from headrace.experiments.stop_rule import decide
from headrace.instants import iso_of
from headrace.interactions.records import ExperimentTotals, Sums

_Pair = tuple[str, str]


class _Judged:
    """One look: the estimates of each metric, and its comparisons by (metric, arm)."""

    def __init__(self, experiment: Experiment, sums: Mapping[str, Mapping[str, Sums]]) -> None:
        statistics = experiment.statistics
        self.experiment = experiment
        self.rho = tuning(statistics.alpha, statistics.tuned_for)
        self.estimates = {
            name: estimate(sums[name], metric.scale, statistics.past_days > 0)
            for name, metric in experiment.metrics.items()
        }
        self.comparisons: dict[_Pair, Comparison | None] = {
            (name, arm): self._compare(found, arm)
            for name, found in self.estimates.items()
            for arm in experiment.shares()
            if arm != experiment.control
        }
        self.adjusted = self._adjusted()

    def _compare(self, found: Estimates, arm: str) -> Comparison | None:
        control, treatment = found.arms.get(self.experiment.control), found.arms.get(arm)
        if control is None or treatment is None:
            return None
        return compare(control, treatment, self.experiment.statistics.alpha, self.rho)

    def _adjusted(self) -> dict[_Pair, float]:
        """Three families: the primary metric, all others, and the holdout, which decides nothing."""
        families: dict[int, dict[_Pair, float]] = {0: {}, 1: {}, 2: {}}
        for pair, comparison in self.comparisons.items():
            family = 2 if pair[1] == HOLDOUT else 0 if pair[0] == self.experiment.primary else 1
            # What can't be compared yet will be, so it counts from the beginning.
            families[family][pair] = 1.0 if comparison is None else comparison.p
        made: dict[_Pair, float] = {}
        for found in families.values():
            values = adjusted(list(found.values()), self.experiment.statistics.correction)
            made.update(zip(found, values, strict=True))
        return made


def judge(experiment: Experiment, totals: Iterable[ExperimentTotals], now: int) -> Results:
    """The results of an experiment's present revision.

    Args:
        totals: of all tasks; others' and those of other revisions are left out.
        now: microseconds UTC.
    """
    mine = [each for each in totals if _is_of(experiment, each)]
    shares = experiment.shares()
    enrolled = {arm: sum(each.enrolled for each in mine if each.arm == arm) for arm in shares}
    sums = {name: {arm: _sum_of(mine, arm, name) for arm in shares} for name in experiment.metrics}
    judged = _Judged(experiment, sums)
    metrics = tuple(_metric(judged, name, metric) for name, metric in experiment.metrics.items())
    guardrails = _guardrails(judged)
    ratio = _ratio(experiment, enrolled)
    (primary,) = (each for each in metrics if each.metric == experiment.primary)
    deciding = [each for each in primary.arms if each.arm != HOLDOUT]
    end = experiment.end_us
    is_over = end is not None and now >= end + experiment.window_us
    return Results(
        experiment=experiment.name,
        about=experiment.about,
        site=experiment.target.site,
        revision=experiment.revision,
        state=experiment.state,
        control=experiment.control,
        start=iso_of(experiment.start_us),
        end=None if end is None else iso_of(end),
        window_hours=experiment.window_hours,
        updated=iso_of(max(each.updated for each in mine)) if mine else None,
        alpha=experiment.statistics.alpha,
        correction=experiment.statistics.correction,
        primary=experiment.primary,
        decision=decide(experiment, ratio, deciding, guardrails, is_over),
        sample_ratio=ratio,
        arms=tuple(
            ArmResult(arm, _about(experiment, arm), share, enrolled[arm], sums[experiment.primary][arm].n)
            for arm, share in shares.items()
        ),
        metrics=metrics,
        guardrails=guardrails,
    )


def _is_of(experiment: Experiment, totals: ExperimentTotals) -> bool:
    return (totals.experiment, totals.revision, totals.site) == (
        experiment.name,
        experiment.revision,
        experiment.target.site,
    )


def _sum_of(totals: Iterable[ExperimentTotals], arm: str, metric: str) -> Sums:
    made = Sums()
    for each in totals:
        if each.arm == arm:
            made = plus(made, each.metrics.get(metric, Sums()))
    return made


def _about(experiment: Experiment, arm: str) -> str:
    spec = experiment.arms.get(arm)
    return "Left alone, with the usual policy" if spec is None else spec.about


def _ratio(experiment: Experiment, enrolled: Mapping[str, int]) -> SampleRatio:
    shares = list(experiment.shares().values())
    counts = list(enrolled.values())
    p = sequential_p(counts, shares)
    return SampleRatio(p, chi_squared_p(counts, shares), p < experiment.statistics.mismatch_alpha)


def _metric(judged: _Judged, name: str, metric: MetricSpec) -> MetricResult:
    experiment, found = judged.experiment, judged.estimates[name]
    guarded = {each.metric for each in experiment.guardrails}
    role: Role = "primary" if name == experiment.primary else "guardrail" if name in guarded else "secondary"
    arms = tuple(_arm(judged, name, metric, arm, found.arms.get(arm)) for arm in experiment.shares())
    return MetricResult(name, metric.about, role, metric.measure, metric.unit, metric.better, found.left, arms)


def _arm(judged: _Judged, name: str, metric: MetricSpec, arm: str, estimated: ArmEstimate | None) -> MetricArm:
    people = 0 if estimated is None else estimated.people
    mean = None if estimated is None else estimated.mean
    plain = None if estimated is None else estimated.plain_mean
    if arm == judged.experiment.control:
        return MetricArm(arm, people, mean, plain, "control")
    comparison = judged.comparisons[name, arm]
    if comparison is None:
        return MetricArm(arm, people, mean, plain, "too_few")
    p = judged.adjusted[name, arm]
    return MetricArm(
        arm,
        people,
        mean,
        plain,
        _verdict(comparison, p, judged.experiment.statistics.alpha, metric),
        comparison.difference,
        comparison.lower,
        comparison.upper,
        comparison.lift,
        comparison.lift_lower,
        comparison.lift_upper,
        comparison.p,
        p,
    )


def _verdict(comparison: Comparison, p: float, alpha: float, metric: MetricSpec) -> Verdict:
    if p > alpha:
        return "unclear"
    return "better" if (comparison.difference > 0) == (metric.better == "higher") else "worse"


def _guardrails(judged: _Judged) -> tuple[GuardrailResult, ...]:
    """Harm is called by Holm's correction over all of them; that one is kept needs none, as all must be."""
    experiment = judged.experiment
    pairs = [(each, arm) for each in experiment.guardrails for arm in experiment.treatments()]
    harms = adjusted([_harm_p(judged, each, arm) for each, arm in pairs], "holm")
    return tuple(
        GuardrailResult(each.metric, arm, each.worse, each.margin, _state(judged, each, arm, harm))
        for (each, arm), harm in zip(pairs, harms, strict=True)
    )


def _harm(comparison: Comparison, guardrail: Guardrail) -> float:
    return comparison.difference if guardrail.worse == "higher" else -comparison.difference


def _harm_p(judged: _Judged, guardrail: Guardrail, arm: str) -> float:
    found = judged.comparisons[guardrail.metric, arm]
    if found is None:
        return 1.0
    return p_value_above(_harm(found, guardrail), guardrail.margin, found.error, found.people, judged.rho)


def _state(judged: _Judged, guardrail: Guardrail, arm: str, harm_p: float) -> GuardrailState:
    alpha, found = judged.experiment.statistics.alpha, judged.comparisons[guardrail.metric, arm]
    if found is None:
        return "unclear"
    if harm_p <= alpha:
        return "harmed"
    kept_p = p_value_above(-_harm(found, guardrail), -guardrail.margin, found.error, found.people, judged.rho)
    return "kept" if kept_p <= alpha else "unclear"
