"""A treatment beside the control: difference and relative lift, with intervals that hold at every look."""

import math
from dataclasses import dataclass

from headrace.experiments.arm_estimates import ArmEstimate
from headrace.experiments.confidence_sequence import half_width, p_value

LEAST_PEOPLE = 30
"""In each arm; with fewer the central limit theorem, on which the sequence rests, says nothing yet."""
_SURE_OF_MEAN = 4.0


@dataclass(frozen=True)
class Comparison:
    """The treatment less the control.

    Attributes:
        difference: in the metric's unit, with its interval `lower` to `upper` at 1 - alpha.
        error: standard error of the difference.
        lift: the difference as a share of the control's mean, with its interval; None where that mean isn't clearly
            above 0.
        p: always valid, before any correction.
    """

    people: int
    difference: float
    error: float
    lower: float
    upper: float
    p: float
    lift: float | None = None
    lift_lower: float | None = None
    lift_upper: float | None = None


def compare(control: ArmEstimate, treatment: ArmEstimate, alpha: float, rho: float) -> Comparison | None:
    """None while either has too few people, or nobody differs from another.

    Args:
        rho: by `confidence_sequence.tuning`.
    """
    if min(control.people, treatment.people) < LEAST_PEOPLE:
        return None
    of_control, of_treatment = control.variance / control.people, treatment.variance / treatment.people
    apart = of_control + of_treatment
    if apart == 0:
        return None
    more = max(0.0, _variance_as_one(control, treatment) - apart)
    error = math.sqrt(apart + more)
    people = control.people + treatment.people
    difference = treatment.mean - control.mean
    half = half_width(error, people, alpha, rho)
    made = Comparison(
        people, difference, error, difference - half, difference + half, p_value(difference, error, people, rho)
    )
    if control.mean <= _SURE_OF_MEAN * math.sqrt(of_control):
        return made
    # The delta method, for a ratio of means that vary independently.
    squared = (treatment.mean / control.mean) ** 2
    lift_error = math.sqrt(of_treatment + squared * of_control + max(1.0, squared) * more) / control.mean
    lift, lift_half = difference / control.mean, half_width(lift_error, people, alpha, rho)
    return Comparison(
        people, difference, error, made.lower, made.upper, made.p, lift, lift - lift_half, lift + lift_half
    )


def _variance_as_one(control: ArmEstimate, treatment: ArmEstimate) -> float:
    """Of the difference, if people vary alike in both arms; for arms of the same size it is the usual one.

    Where few do what is measured, a small arm in which nobody did yet would have no variance: with one person in ten in
    it, and one in 200 converting, a third of the experiments without an effect were called (`loadtest.ab_tests`).
    """
    spread = (control.people - 1) * control.variance + (treatment.people - 1) * treatment.variance
    people = control.people + treatment.people
    return spread / (people - 2) * people / (control.people * treatment.people)
