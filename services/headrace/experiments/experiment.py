"""An experiment file, `deploy/experiments/NAME.yaml`: what is tried on whom, what is measured, and when it ends."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from headrace.interactions.records import Kind

HOLDOUT = "holdout"
"""The arm of those whom the experiment leaves alone, where it has a holdout."""
MAX_PAST_DAYS = 14
"""Days before the first exposure that a metric's past may have; a subject's past is kept no longer."""
FIXED = 100
"""Amounts are kept as integers of hundredths, so that sums are the same in any order."""
_SHARES_OFF = 1e-6

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
CountedKind = Literal["view", "click", "cart", "purchase", "rating", "dwell"]
Direction = Literal["higher", "lower"]
Measure = Literal["happened", "count", "value", "weight"]


_WHOLE = frozenset({"sources"})
"""What of a policy is replaced as a whole, as `headrace.recommend.policy` does it."""


def _leaves(policy: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in policy.items():
        place = f"{above}{name}"
        if isinstance(value, Mapping) and name not in _WHOLE:
            yield from _leaves(value, f"{place}.")
        else:
            yield place


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ArmSpec(_Spec):
    """One way that it is tried.

    Attributes:
        share: of the people in the experiment who are not held out.
        policy: the parts of `deploy/recommendations.yaml` that are other for these people.
    """

    share: float = Field(gt=0, le=1)
    policy: dict[str, Any] = {}
    about: str = ""

    def leaves(self) -> set[str]:
        """The places in the policy that it sets, such as `diversity.weight`."""
        return set(_leaves(self.policy))


class Target(_Spec):
    """Whom it is tried on.

    Attributes:
        surfaces: where; everywhere where none is named.
        traffic: from and to, in [0, 1]: the part of the people, told by a hash of the layer and the subject.
        layer: experiments of one layer lie in parts of it that don't overlap, so nobody is in two of them.
        consent: only people who let us personalise.
    """

    site: str = "default"
    surfaces: tuple[str, ...] = ()
    traffic: tuple[float, float] = (0.0, 1.0)
    layer: Name | None = None
    consent: bool = True

    @model_validator(mode="after")
    def _is_a_part(self) -> Self:
        first, last = self.traffic
        if not 0 <= first < last <= 1:
            raise ValueError(f"traffic is [from, to] with 0 <= from < to <= 1, such as [0, 0.5], not {self.traffic}")
        return self


class MetricSpec(_Spec):
    """What is measured of a person, once, over the window after the first exposure.

    Attributes:
        measure: whether such an interaction `happened` (0 or 1), their `count`, the sum of their `value`
            (what purchases cost, seconds of dwells), or of their `weight` (`headrace.interactions.weights`).
        kinds: the interactions that count.
        attributed: only those that name the answer from which they came.
        cap: the most that one person may add, in the metric's unit, as one odd person would drown the rest.
    """

    measure: Measure
    kinds: tuple[CountedKind, ...] = Field(min_length=1)
    attributed: bool = False
    better: Direction = "higher"
    unit: str = ""
    cap: float = Field(10_000, gt=0, le=30_000)
    about: str = ""

    @property
    def scale(self) -> int:
        """By what its integer sums are divided to have the metric's unit."""
        return FIXED if self.measure in ("value", "weight") else 1

    @property
    def limit(self) -> int:
        """The cap as the integer that people's amounts are held to."""
        return 1 if self.measure == "happened" else int(self.cap * self.scale)

    def takes(self, kind: Kind, attributed: bool) -> bool:
        """Whether such an interaction counts."""
        return kind in self.kinds and (attributed or not self.attributed)

    def amount(self, value: int, weight: int, count: int = 1) -> int:
        """What `count` interactions add, of all their value and weight in hundredths."""
        return value if self.measure == "value" else weight if self.measure == "weight" else count


class Guardrail(_Spec):
    """What must not get worse while the primary metric gets better.

    Attributes:
        worse: the direction that does harm.
        margin: in the metric's unit: less harm than this doesn't matter.
    """

    metric: str
    worse: Direction = "lower"
    margin: float = Field(gt=0)


class Statistics(_Spec):
    """How results are judged.

    Attributes:
        alpha: how often an experiment without effect may be called one, however often it is looked at.
        tuned_for: people in both arms together at whom the confidence sequence is narrowest (N*).
        correction: over the arms for the primary metric, and over arms and metrics for the rest.
        past_days: days before the exposure whose behaviour takes noise out of the metrics (CUPED); 0 for none.
        mismatch_alpha: below which a difference of the arms' sizes from their shares is held for a fault.
    """

    alpha: float = Field(0.05, gt=0, le=0.2)
    tuned_for: int = Field(5_000, ge=100, le=100_000_000)
    correction: Literal["holm", "benjamini_hochberg", "none"] = "holm"
    past_days: int = Field(MAX_PAST_DAYS, ge=0, le=MAX_PAST_DAYS)
    mismatch_alpha: float = Field(0.001, gt=0, le=0.05)


class StopRule(_Spec):
    """When it is decided, in people per arm whose windows have closed."""

    least_people: int = Field(200, ge=50)
    most_people: int = Field(100_000, ge=100)

    @model_validator(mode="after")
    def _has_a_span(self) -> Self:
        if self.most_people <= self.least_people:
            raise ValueError(f"most_people ({self.most_people}) must be more than least_people ({self.least_people})")
        return self


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


class Experiment(_Spec):
    """What an experiment file says.

    Attributes:
        name: the file's name without `.yaml`.
        revision: of the measurement. Whoever changes arms, shares, metrics or the window raises it and sets a later
            start, as people seen under other rules can't be added up with these.
        salt: what assignment is hashed with. Unless set it is the name, and from revision 2 on the revision with it:
            were people left in their arms, what these did to them would be in the past that CUPED takes off. Whoever
            sets the same salt for several revisions sets `past_days` to 0.
        state: `running` assigns people to arms; `paused` and `ended` nobody, so all have the usual policy. What was
            seen stays.
        start, end: append times of answers that are exposures.
        control: the arm that the others are compared to; the first unless set.
        holdout: share of the people in the experiment who get no arm, to see what being in it does.
        window_hours: after the first exposure, in which what a person does counts.
    """

    name: Name
    about: str = ""
    revision: int = Field(1, ge=1)
    salt: str = ""
    state: Literal["running", "paused", "ended"]
    start: AwareDatetime
    end: AwareDatetime | None = None
    target: Target = Target()
    arms: dict[Name, ArmSpec] = Field(min_length=2, max_length=10)
    control: str = ""
    holdout: float = Field(0.0, ge=0, le=0.5)
    window_hours: float = Field(24.0, gt=0, le=24 * 28)
    metrics: dict[Name, MetricSpec] = Field(min_length=1, max_length=20)
    primary: str
    guardrails: tuple[Guardrail, ...] = ()
    statistics: Statistics = Statistics()
    stop: StopRule = StopRule()

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        arms = given.get("arms")
        first = next(iter(arms), "") if isinstance(arms, Mapping) else ""
        name, revision = given.get("name"), given.get("revision", 1)
        salt = given.get("salt") or (name if revision == 1 else f"{name} {revision}")
        return {**given, "salt": salt, "control": given.get("control") or first}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if HOLDOUT in self.arms:
            raise ValueError(f"arms: {HOLDOUT} is the arm that `holdout: SHARE` makes; name this one otherwise")
        total = sum(arm.share for arm in self.arms.values())
        if abs(total - 1) > _SHARES_OFF:
            raise ValueError(f"arms: the shares add up to {total:g}; they must to 1, holdout apart")
        if self.control not in self.arms:
            raise ValueError(f"control: {self.control} is not among the arms {', '.join(self.arms)}")
        if strangers := sorted({self.primary, *(each.metric for each in self.guardrails)} - self.metrics.keys()):
            raise ValueError(f"primary, guardrails: {', '.join(strangers)} not among the metrics")
        if self.end is not None and self.end <= self.start:
            raise ValueError("end must be after start")
        return self

    @property
    def start_us(self) -> int:
        """Microseconds UTC."""
        return _microseconds(self.start)

    @property
    def end_us(self) -> int | None:
        """Microseconds UTC."""
        return None if self.end is None else _microseconds(self.end)

    @property
    def window_us(self) -> int:
        """Microseconds."""
        return int(self.window_hours * 3_600_000_000)

    def shares(self) -> dict[str, float]:
        """Arm → its share of all people in the experiment, the holdout among them."""
        shown = 1 - self.holdout
        shares = {name: arm.share * shown for name, arm in self.arms.items()}
        return {**shares, HOLDOUT: self.holdout} if self.holdout else shares

    def treatments(self) -> list[str]:
        """The arms that are compared to the control."""
        return [name for name in self.arms if name != self.control]
