"""What holds for a metric of a device type, prepared once and shared by all series that have it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from math import inf

from process_readings.detect.detector import Detector
from process_readings.detect.kept_detector import FORMAT
from process_readings.detect.robust_level import RobustLevel
from process_readings.device_types import ANY_METRIC, NO_DETECTOR, DeviceTypes, MetricRule, StuckRule
from process_readings.units import IDENTITY, Conversion, canonical_of, conversion

BOUND = 1e100
"""Larger values are out of range for every metric: their squares would pass what a double holds."""
EXACT_INTEGERS = 1 << 53
"""Up to here a double holds every whole number."""
MAX_PLANS = 20_000
_MAX_UNITS = 16
_SIGNATURE_BYTES = 8

UnitChange = tuple[Conversion | None, str | None]
"""How a value is converted, None where it can't be, and the unit that it then has."""


@dataclass(slots=True)
class MetricPlan:
    """A rule with its limits and conversions at hand.

    Attributes:
        low, high: limits in the canonical unit, both finite.
        signature: of the detector, its version, its parameters and how it is kept; states of equal signatures fit each
            other. Empty for none.
        prototype: a `RobustLevel`, of which many are kept together in a `LevelPool`; None for another kind.
    """

    rule: MetricRule
    low: float
    high: float
    signature: bytes
    prototype: RobustLevel | None
    make_detector: Callable[[], Detector] | None
    _changes: dict[str | None, UnitChange] = field(default_factory=dict)
    plain_low: float = 0.0
    plain_high: float = 0.0
    unit: str | None = None
    stuck: StuckRule | None = None

    def __post_init__(self) -> None:
        factors, self.unit = self.unit_change(None)
        self.stuck = self.rule.stuck
        is_plain = factors is IDENTITY
        self.plain_low = max(self.low, 1 - EXACT_INTEGERS) if is_plain else inf
        self.plain_high = min(self.high, EXACT_INTEGERS - 1) if is_plain else -inf

    def unit_change(self, stated: str | None) -> UnitChange:
        """How a reading that states this unit, or none, is converted."""
        found = self._changes.get(stated)
        if found is None:
            found = self._find_change(stated)
            if len(self._changes) < _MAX_UNITS:
                self._changes[stated] = found
        return found

    def _find_change(self, stated: str | None) -> UnitChange:
        meant = stated or self.rule.device_unit
        target = self.rule.unit or (canonical_of(meant) if meant else None)
        if meant is None:
            return IDENTITY, None
        if target is None:
            return IDENTITY, meant
        factors = conversion(meant, target)
        return (factors if factors != IDENTITY else IDENTITY), target


PASSING_PLAN = MetricPlan(ANY_METRIC, -BOUND, BOUND, b"", None, None)
"""Of a reading whose metric is not followed, and of a series whose device type is not known yet."""


def plan_of(rule: MetricRule, make_detector: Callable[..., Detector]) -> MetricPlan:
    """Prepares a rule."""
    low, high = rule.range or (None, None)

    def make() -> Detector:
        return make_detector(rule.detector, **rule.parameters)

    has_detector = rule.detector != NO_DETECTOR
    detector = make() if has_detector else None
    return MetricPlan(
        rule,
        -BOUND if low is None else low,
        BOUND if high is None else high,
        _signature(rule, detector) if detector else b"",
        detector if isinstance(detector, RobustLevel) else None,
        make if has_detector else None,
    )


def _signature(rule: MetricRule, detector: Detector) -> bytes:
    # A `RobustLevel`'s state is kept as it is, by a `LevelPool`.
    kept = () if isinstance(detector, RobustLevel) else (FORMAT,)
    text = repr((detector.version, sorted(rule.parameters.items()), *kept))
    return blake2b(text.encode(), digest_size=_SIGNATURE_BYTES).digest()


class MetricPlans:
    """The plans by device type and metric. Devices may make up names without end, so only so many are kept."""

    def __init__(self, types: DeviceTypes, make_detector: Callable[..., Detector]) -> None:
        self._types = types
        self._make_detector = make_detector
        self._plans: dict[tuple[str, str], MetricPlan] = {}
        self._by_rule: dict[int, MetricPlan] = {}

    def get(self, type_name: str, metric: str) -> MetricPlan:
        """The plan of a metric of a device of this type."""
        plan = self._plans.get((type_name, metric))
        if plan is None:
            rule = self._types.rule(type_name, metric)
            # Rules are made once and live as long as the types, so their addresses tell them apart.
            plan = self._by_rule.get(id(rule)) or self._by_rule.setdefault(id(rule), plan_of(rule, self._make_detector))
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            self._plans[type_name, metric] = plan
        return plan
