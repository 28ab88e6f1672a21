"""Draws judged rows: the series, its scores beside their threshold, and the anomalies with their times and reasons."""

import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from math import nan
from pathlib import Path
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from headrace.errors import ConfigurationError
from headrace.plot_style import BLUE, GRID, INK, ORANGE, PURPLE, RED, SOFT, plot_settings, thousands, time_axis
from process_readings.detect.plot_rows import PlotRows, Point
from process_readings.detect.score_rows import JudgedRow, RowCounts

SUFFIXES = (".png", ".svg")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WIDTH, _HEIGHT, _LINE = 12.0, 5.8, 0.21
_DPI = 150
_DAY_US = 86_400e6
_FIRST_DAY, _LAST_DAY = -719_100.0, 2_932_800.0
"""Days since 1970, from the year 1 to 9999: between them matplotlib can write dates."""
_LEAST_ROOM = 1.0 / 86_400.0
_LARGEST = 1e100
_MUCH = 10.0
"""Multiples of the threshold from which great scores are drawn by their logarithms."""
_LONGEST_TITLE, _LONGEST_REASON = 90, 150
_LEVELS, _NEAR = 3, 0.02
"""Numbers of anomalies stand in three heights where they are nearer than this share of the width."""
_GAP_STEPS, _GAP_SHARE = 10.0, 0.004
"""A line ends where the next reading is further off than this many usual steps and this share of the width."""
_FEW = 200
"""So few points are drawn as dots too."""
_COLUMNS = (0.0, 20.0, 132.0, 206.0)
"""Where number, time, score and reason begin, in points."""


def save_picture(path: Path, rows: PlotRows, counts: RowCounts, title: str, zone: tzinfo) -> None:
    """Draws into a file, PNG or SVG by its suffix, which is replaced as a whole.

    Args:
        zone: of the times that are written beside the picture.

    Raises:
        ConfigurationError: the file can't be written.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    kind = path.suffix[1:].lower()
    try:
        with plot_settings(), warnings.catch_warnings():
            # Of letters that the font lacks, which are drawn as boxes.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            figure = _figure(rows, counts, title, zone)
            figure.savefig(unfinished, format=kind, dpi=_DPI, metadata={"Date": None} if kind == "svg" else None)
        unfinished.replace(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _figure(rows: PlotRows, counts: RowCounts, title: str, zone: tzinfo) -> Figure:
    named = rows.named()
    text_height = _LINE * (len(named) + 1)
    figure = Figure(figsize=(_WIDTH, _HEIGHT + text_height), layout="constrained")
    series, scores, reasons = figure.subplots(3, 1, height_ratios=[0.6 * _HEIGHT, 0.4 * _HEIGHT, text_height])
    _write_title(series, _cut(title, _LONGEST_TITLE), counts)
    _write_reasons(reasons, named, counts.anomalies, zone)
    _draw_series(series, rows)
    _draw_scores(scores, rows)
    for axes in (series, scores):
        _span_times(axes, rows, zone)
    _number(series, scores, named)
    series.tick_params(labelbottom=False)
    return figure


def _write_title(axes: Axes, title: str, counts: RowCounts) -> None:
    said = [
        f"{counts.rows:,} rows",
        f"{counts.anomalies:,} anomalies",
        f"{counts.out_of_range:,} out of range",
        f"{counts.unread:,} not read",
    ]
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", pad=24)
    axes.text(0.0, 1.03, " · ".join(said), transform=axes.transAxes, color=SOFT)


def _draw_series(axes: Axes, rows: PlotRows) -> None:
    axes.set_ylabel("value")
    _line(axes, rows.values.points(), color=BLUE, linewidth=1.0, label="value")
    _dots(axes, rows.anomalies.points(), color=RED, s=30, edgecolors="white", linewidths=0.8, label="anomaly")
    thousands(axes.yaxis)
    at_edge: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "clip_on": False, "zorder": 4}
    outside = rows.out_of_range.points()
    above, below = ([point for point in outside if point[1] == edge] for edge in (1.0, 0.0))
    _dots(axes, above, marker="^", color=ORANGE, s=30, label="above its range", **at_edge)
    _dots(axes, below, marker="v", color=ORANGE, s=30, label="below its range", **at_edge)
    unread = rows.unread.points() if rows.first_us is not None else []
    _dots(axes, unread, marker="x", color=SOFT, s=18, linewidths=1.0, label="not read", **at_edge)
    _legend(axes)


def _draw_scores(axes: Axes, rows: PlotRows) -> None:
    axes.set_ylabel("anomaly score")
    scores, thresholds = rows.scores.points(), rows.thresholds.points()
    # Below 0 is what is quite usual, which would take half of the room.
    at_least_0 = [(time_us, max(score, 0.0)) for time_us, score in scores]
    _line(axes, at_least_0, color=PURPLE, linewidth=1.0, label="score, where above 0")
    _line(axes, thresholds, color=INK, linewidth=1.0, linestyle="--", label="threshold")
    if thresholds:
        threshold = max(value for _, value in thresholds)
        if max(value for _, value in scores) > _MUCH * threshold:
            axes.set_yscale("symlog", linthresh=2.0 * threshold)
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    _shade_unjudged(axes, rows)
    _legend(axes)


def _shade_unjudged(axes: Axes, rows: PlotRows) -> None:
    if not rows.why_not_judged or rows.first_us is None or rows.last_us is None:
        return
    begin, end = _day(rows.first_us), _day(rows.last_us if rows.judged_from is None else rows.judged_from)
    axes.axvspan(begin, end, color=GRID, linewidth=0.0, label=rows.why_not_judged)


def _span_times(axes: Axes, rows: PlotRows, zone: tzinfo) -> None:
    if rows.first_us is None or rows.last_us is None:
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, "no readings", transform=axes.transAxes, ha="center", va="center", color=SOFT)
        return
    begin, end = _day(rows.first_us), _day(rows.last_us)
    room = max(0.01 * (end - begin), _LEAST_ROOM)
    axes.set_xlim(max(begin - room, _FIRST_DAY), min(end + room, _LAST_DAY))
    time_axis(axes.xaxis, zone)


def _number(series: Axes, scores: Axes, named: Sequence[JudgedRow]) -> None:
    """Numbers the anomalies whose reasons are written, by a line through both pairs of axes."""
    begin, end = series.get_xlim()
    last, level = begin - end, 0
    for number, row in enumerate(named, 1):
        at = _day(row.time_us)
        level = (level + 1) % _LEVELS if abs(at - last) < _NEAR * (end - begin) else 0
        last = at
        for axes in (series, scores):
            axes.axvline(at, color=RED, linewidth=0.8, alpha=0.35, zorder=1)
        place = at, 1.0 - 0.06 * level
        how: dict[str, Any] = {"ha": "left", "va": "top", "color": RED, "fontsize": 8.5}
        series.annotate(
            str(number), place, xycoords=series.get_xaxis_transform(), xytext=(2, -2), textcoords="offset points", **how
        )


def _write_reasons(axes: Axes, named: Sequence[JudgedRow], anomalies: int, zone: tzinfo) -> None:
    axes.set_axis_off()
    head = "anomalies" if anomalies == len(named) else f"the {len(named)} strongest of {anomalies:,} anomalies"
    lines: list[tuple[str, ...]] = [(f"{head}, times in {zone}" if named else "no anomalies",)]
    for number, row in enumerate(named, 1):
        score = f"score {row.score:.4g}"
        lines.append((str(number), _time(row.time_us, zone), score, _cut(row.reason, _LONGEST_REASON)))
    for at, line in enumerate(lines):
        place = 0.0, 1.0 - (at + 0.5) / len(lines)
        for x, text in zip(_COLUMNS, line, strict=False):
            colour = SOFT if at == 0 else RED if x == _COLUMNS[0] else INK
            axes.annotate(
                text,
                place,
                xycoords="axes fraction",
                xytext=(x, 0.0),
                textcoords="offset points",
                va="center",
                color=colour,
                in_layout=False,
            )


def _line(axes: Axes, points: Iterable[Point], **how: Any) -> None:
    days, values = _drawn(points)
    if not days:
        return
    # A line across a gap would show readings where there were none.
    steps = [after - before for before, after in pairwise(days)]
    gap = max(_GAP_STEPS * median(steps or [0.0]), _GAP_SHARE * (max(days) - min(days)))
    for at in reversed([at for at, step in enumerate(steps, 1) if step > gap]):
        days.insert(at, days[at])
        values.insert(at, nan)
    axes.plot(days, values, marker="." if len(days) <= _FEW else "", **how)


def _dots(axes: Axes, points: Iterable[Point], **how: Any) -> None:
    days, values = _drawn(points)
    if days:
        axes.scatter(days, values, **{"zorder": 3, **how})


def _drawn(points: Iterable[Point]) -> tuple[list[float], list[float]]:
    days, values = [], []
    for time_us, value in points:
        days.append(_day(time_us))
        values.append(min(max(value, -_LARGEST), _LARGEST))
    return days, values


def _legend(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=5, borderaxespad=0.2)


def _day(time_us: int) -> float:
    return min(max(time_us / _DAY_US, _FIRST_DAY), _LAST_DAY)


def _time(time_us: int, zone: tzinfo) -> str:
    try:
        return f"{(_EPOCH + timedelta(microseconds=time_us)).astimezone(zone):%Y-%m-%d %H:%M:%S}"
    except OverflowError:
        return f"{time_us} µs"


def _cut(text: str, longest: int) -> str:
    # A file's name may hold bytes that are no UTF-8, which matplotlib refuses.
    text = text.encode(errors="replace").decode()
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
