"""What an experiment's results say: plain data, as JSON, page and command line show it."""

from dataclasses import dataclass
from typing import Literal

from pydantic import with_config

from headrace.experiments import results_examples as examples
from headrace.experiments.experiment import Direction, Measure
from headrace.experiments.results_examples import example

Role = Literal["primary", "guardrail", "secondary"]
Verdict = Literal["control", "better", "worse", "unclear", "too_few"]
GuardrailState = Literal["kept", "harmed", "unclear"]
Decided = Literal["invalid", "stop_for_guardrail", "ship", "stop_as_worse", "inconclusive", "running"]


@with_config(example(examples.ARM))
@dataclass(frozen=True)
class ArmResult:
    """One arm.

    Attributes:
        share: planned, of all people in the experiment.
        enrolled: people who were exposed.
        people: those of them whose window has closed; they alone are in the metrics.
    """

    arm: str
    about: str
    share: float
    enrolled: int
    people: int


@with_config(example(examples.MEAN))
@dataclass(frozen=True)
class MetricArm:
    """A metric in one arm, and beside the control.

    Attributes:
        mean: adjusted by people's past, in the metric's unit; None while nobody is counted.
        plain_mean: as it was seen.
        difference: of `mean` from the control's; `lower` to `upper` holds at every look at once, at 1 - alpha.
        lift: the difference as a share of the control's mean; None where that isn't clearly above 0.
        p: always valid. `adjusted_p` is corrected for the other comparisons of its family.
        verdict: by `adjusted_p`.
    """

    arm: str
    people: int
    mean: float | None
    plain_mean: float | None
    verdict: Verdict
    difference: float | None = None
    lower: float | None = None
    upper: float | None = None
    lift: float | None = None
    lift_lower: float | None = None
    lift_upper: float | None = None
    p: float | None = None
    adjusted_p: float | None = None


@with_config(example(examples.METRIC))
@dataclass(frozen=True)
class MetricResult:
    """A metric in all arms.

    Attributes:
        variance_left: the share of the variance that remains after people's past took its part (CUPED).
    """

    metric: str
    about: str
    role: Role
    measure: Measure
    unit: str
    better: Direction
    variance_left: float
    arms: tuple[MetricArm, ...]


@with_config(example(examples.GUARDRAIL))
@dataclass(frozen=True)
class GuardrailResult:
    """Whether an arm does harm to a metric beyond its margin.

    Attributes:
        state: `kept` where harm of the margin is ruled out, `harmed` where there is more, both at 1 - alpha.
    """

    metric: str
    arm: str
    worse: Direction
    margin: float
    state: GuardrailState


@with_config(example(examples.RATIO))
@dataclass(frozen=True)
class SampleRatio:
    """Whether the arms are as large as planned.

    Attributes:
        p: valid at every look; the rule goes by it.
        chi_squared_p: of Pearson's test, which is valid for one look.
    """

    p: float
    chi_squared_p: float
    is_mismatched: bool


@with_config(example(examples.DECISION))
@dataclass(frozen=True)
class Decision:
    """What the stop rule says, and why. It may be acted on the first time it isn't `running`."""

    decided: Decided
    arm: str | None
    reason: str


@with_config(example(examples.RESULTS))
@dataclass(frozen=True)
class Results:
    """All of one experiment; times are ISO 8601, `updated` is when the newest sums were made."""

    experiment: str
    about: str
    site: str
    revision: int
    state: str
    control: str
    start: str
    end: str | None
    window_hours: float
    updated: str | None
    alpha: float
    correction: str
    primary: str
    decision: Decision
    sample_ratio: SampleRatio
    arms: tuple[ArmResult, ...]
    metrics: tuple[MetricResult, ...]
    guardrails: tuple[GuardrailResult, ...]
