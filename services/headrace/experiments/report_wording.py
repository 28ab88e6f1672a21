"""Numbers and verdicts of an experiment, as people read them."""

from headrace.experiments.results import Decided, GuardrailState, MetricResult, Verdict

VERDICTS: dict[Verdict, str] = {
    "control": "control",
    "better": "better",
    "worse": "worse",
    "unclear": "not told apart",
    "too_few": "too few people",
}
DECISIONS: dict[Decided, str] = {
    "invalid": "Invalid",
    "stop_for_guardrail": "Stop: harm",
    "ship": "Ship",
    "stop_as_worse": "Stop: not better",
    "inconclusive": "Inconclusive",
    "running": "Running",
}
GUARDRAILS: dict[GuardrailState, str] = {"kept": "kept", "harmed": "harmed", "unclear": "not clear yet"}
_NONE = "–"


def is_share(metric: MetricResult) -> bool:
    """Whether its means are shares of people."""
    return metric.measure == "happened"


def amount(metric: MetricResult, value: float | None, signed: bool = False) -> str:
    """A mean or a difference in the metric's unit; shares as percent, their differences as percentage points."""
    if value is None:
        return _NONE
    unit = ("pp" if signed else "%") if is_share(metric) else metric.unit
    return f"{_number(metric, value, signed)} {unit}".rstrip()


def _number(metric: MetricResult, value: float, signed: bool) -> str:
    sign = "+" if signed else ""
    if is_share(metric):
        return f"{100 * value:{sign}.2f}"
    return f"{value:{sign},.3g}" if abs(value) < 1_000 else f"{value:{sign},.0f}"


def interval(metric: MetricResult, lower: float | None, upper: float | None) -> str:
    """From and to."""
    if lower is None or upper is None:
        return _NONE
    return f"{_number(metric, lower, True)} to {amount(metric, upper, True)}"


def percents(lower: float | None, upper: float | None) -> str:
    """From and to, as percent."""
    return f"{percent(lower, True).removesuffix(' %')} to {percent(upper, True)}"


def percent(value: float | None, signed: bool = False) -> str:
    """A share as percent."""
    return _NONE if value is None else f"{100 * value:{'+' if signed else ''}.1f} %"


def p_text(value: float | None) -> str:
    """A p-value."""
    if value is None:
        return _NONE
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def moment(iso: str | None) -> str:
    """A time of the results, to the minute."""
    return _NONE if iso is None else f"{iso[:16].replace('T', ' ')} UTC"
