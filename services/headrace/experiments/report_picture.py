"""The picture of an experiment's report: every comparison with its interval, in per cent of the control's mean."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from headrace.experiments.report_wording import percent, percents
from headrace.experiments.results import MetricArm, Results

_WIDTH, _ROW, _TOP, _BOTTOM = 1_000, 34, 10, 34
_NAMES, _VALUES = 300, 210
_PLOT = _WIDTH - _NAMES - _VALUES
_TICKS = 6
_CUT = 1.5
"""Lift beyond which the axis ends, as one odd metric would make all others a dot."""


@dataclass(frozen=True)
class _Row:
    name: str
    arm: MetricArm
    margin: float | None


def lifts_picture(results: Results) -> str:
    """An SVG as HTML; nothing where nothing can be compared yet."""
    rows = list(_rows(results))
    if not rows:
        return ""
    low, high = _range(rows)
    height = _TOP + len(rows) * _ROW + _BOTTOM
    drawn = "".join([*_axis(low, high, height), *(_draw(row, at, low, high) for at, row in enumerate(rows))])
    said = escape(f"Relative lift of {len(rows)} comparisons with their intervals")
    return f'<svg class="plot" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{said}">{drawn}</svg>'


def _rows(results: Results) -> Iterator[_Row]:
    margins = {(each.metric, each.arm): each for each in results.guardrails}
    for metric in results.metrics:
        (control,) = (each for each in metric.arms if each.arm == results.control)
        for arm in metric.arms:
            if arm.lift is not None and control.mean:
                guardrail = margins.get((metric.metric, arm.arm))
                sign = 1 if guardrail is not None and guardrail.worse == "higher" else -1
                margin = None if guardrail is None else sign * guardrail.margin / control.mean
                yield _Row(f"{metric.metric} · {arm.arm}", arm, margin)


def _range(rows: list[_Row]) -> tuple[float, float]:
    ends = [end for row in rows for end in (row.arm.lift_lower, row.arm.lift_upper, row.margin) if end is not None]
    low, high = max(min(*ends, 0.0), -_CUT), min(max(*ends, 0.0), _CUT)
    room = 0.06 * max(high - low, 0.01)
    return low - room, high + room


def _x(value: float, low: float, high: float) -> float:
    return _NAMES + _PLOT * (min(max(value, low), high) - low) / (high - low)


def _axis(low: float, high: float, height: int) -> Iterator[str]:
    bottom = height - _BOTTOM + 4
    step = _step((high - low) / _TICKS)
    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        x = _x(number * step, low, high)
        yield f'<line class="{"zero" if number == 0 else "grid"}" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{bottom}"/>'
        label = f"{100 * number * step:+.4g} %" if number else "0"
        yield f'<text class="soft" x="{x:.1f}" y="{height - 10}" text-anchor="middle">{label}</text>'


def _step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(size * power for size in (1.0, 2.0, 5.0, 10.0) if size * power >= least)


def _draw(row: _Row, at: int, low: float, high: float) -> str:
    arm, y = row.arm, _TOP + at * _ROW + _ROW / 2
    style = arm.verdict if arm.verdict in ("better", "worse") else "unclear"
    left, right, middle = (_x(end or 0.0, low, high) for end in (arm.lift_lower, arm.lift_upper, arm.lift))
    said = f"{percent(arm.lift, True)}  ({percents(arm.lift_lower, arm.lift_upper)})"
    parts = [
        f'<text x="0" y="{y + 4:.1f}">{escape(row.name)}</text>',
        f'<line class="{style}" stroke-width="2" x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>',
        *(
            f'<line class="{style}" stroke-width="2" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 6:.1f}" y2="{y + 6:.1f}"/>'
            for x, end in ((left, arm.lift_lower), (right, arm.lift_upper))
            if end is not None and low <= end <= high
        ),
        f'<circle class="{style}" cx="{middle:.1f}" cy="{y:.1f}" r="5"/>',
        f'<text class="soft" x="{_WIDTH}" y="{y + 4:.1f}" text-anchor="end">{escape(said)}</text>',
    ]
    if row.margin is not None:
        x = _x(row.margin, low, high)
        parts.append(f'<path class="margin" d="M{x:.1f} {y + 7:.1f} l-5 8 h10 z"/>')
    return "".join(parts)
