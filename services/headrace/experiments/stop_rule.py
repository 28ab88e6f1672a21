"""When an experiment is decided: only by what may be looked at any time."""

from collections.abc import Sequence

from headrace.experiments.experiment import Experiment
from headrace.experiments.results import Decision, GuardrailResult, MetricArm, SampleRatio


def decide(
    experiment: Experiment,
    ratio: SampleRatio,
    primary: Sequence[MetricArm],
    guardrails: Sequence[GuardrailResult],
    is_over: bool,
) -> Decision:
    """What to do now.

    Args:
        primary: the primary metric of the control and the treatments, without a holdout.
        is_over: whether nobody can be added to the sums any more.
    """
    if ratio.is_mismatched:
        return Decision(
            "invalid",
            None,
            f"the arms are not as large as their shares say (p {ratio.p:.2g}): assignment or recording is broken, and "
            "no difference means anything until that is found",
        )
    people = min(each.people for each in primary)
    if people < experiment.stop.least_people:
        return _too_few(experiment, people, is_over)
    harmed = [each for each in guardrails if each.state == "harmed"]
    treated = [each for each in primary if each.arm != experiment.control]
    if {each.arm for each in harmed} >= {each.arm for each in treated}:
        which = ", ".join(f"{each.metric} in {each.arm}" for each in harmed)
        return Decision("stop_for_guardrail", None, f"harm beyond the margin: {which}")
    return _decide_by_primary(experiment, treated, guardrails, is_over or people >= experiment.stop.most_people)


def _decide_by_primary(
    experiment: Experiment, treated: Sequence[MetricArm], guardrails: Sequence[GuardrailResult], is_last: bool
) -> Decision:
    kept = {each.arm for each in treated} - {each.arm for each in guardrails if each.state != "kept"}
    better = [each for each in treated if each.verdict == "better"]
    if ready := [each for each in better if each.arm in kept]:
        sign = 1 if experiment.metrics[experiment.primary].better == "higher" else -1
        best = max(ready, key=lambda each: sign * (each.difference or 0.0))
        return Decision("ship", best.arm, f"{best.arm} is better in {experiment.primary}, and every guardrail is kept")
    if all(each.verdict == "worse" for each in treated):
        return Decision("stop_as_worse", None, f"no arm is as good as {experiment.control} in {experiment.primary}")
    unclear = f"; {', '.join(each.arm for each in better)} better, but not every guardrail is kept" if better else ""
    if is_last:
        return Decision("inconclusive", None, f"no decision by the last of the people that were planned{unclear}")
    return Decision("running", None, f"not decided yet{unclear}")


def _too_few(experiment: Experiment, people: int, is_over: bool) -> Decision:
    said = f"{people} people in the smallest arm; {experiment.stop.least_people} are the least to decide by"
    return Decision("inconclusive" if is_over else "running", None, said)
