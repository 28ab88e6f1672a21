"""What operators' feedback does to the alarms of days that nobody has judged yet: `make bench NAME=feedback`.

On each of the 26 labelled files of nab-dev an operator answers every alarm of the first half as it comes, `true` in a
labelled window and `false` outside, by the rules of `process_readings.feedback`. Then nobody answers any more, and the
alarms of the second half are counted, beside those of the same detector without feedback. Windows that lie in both
halves count in neither. For comparison all thresholds are moved by the same number of steps, which knows no labels.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from loadtest.nab import DATA, Corpus, Series, read_corpus
from loadtest.results import write
from process_readings.detect.detector import Detector
from process_readings.detect.registry import make_detector
from process_readings.feedback import ID_BYTES, SeriesFeedback

EVERYWHERE = (1, 2, 4, 8)
"""Steps by which all thresholds are moved, for comparison."""

Make = Callable[[], Detector]


@dataclass(frozen=True)
class Tally:
    """Alarms of the second half: outside of windows, and windows with at least one."""

    false_alarms: int = 0
    found: int = 0
    windows: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.false_alarms + other.false_alarms, self.found + other.found, self.windows + other.windows)


@dataclass(frozen=True)
class Figures:
    """Of one start.

    Attributes:
        answers: alarms of the first half, each of which was answered.
        steps: by which each file's threshold was moved in the end, in the order of the files.
        everywhere: steps → without answers, all thresholds moved by as many.
    """

    start: str
    without: Tally
    with_feedback: Tally
    answers: int
    steps: tuple[int, ...]
    everywhere: dict[int, Tally]


def starts() -> dict[str, Make]:
    """Where the thresholds are before anybody says anything."""
    return {
        "ensemble, as shipped": make_detector,
        "ensemble, too sensitive (1.5)": lambda: make_detector("ensemble", threshold=1.5),
        "ensemble, not sensitive (3.6)": lambda: make_detector("ensemble", threshold=3.6),
        "robust_level (8)": lambda: make_detector("robust_level"),
    }


def half_of(series: Series) -> int:
    """The first row of the second half."""
    return len(series.values) // 2


def windows_of(series: Series) -> list[range]:
    """The rows of each labelled window."""
    at = series.timestamps.index
    return [range(at(first), at(last) + 1) for first, last in series.windows]


def alarms(series: Series, detector: Detector, feedback: SeriesFeedback | None = None) -> Iterator[int]:
    """The rows that are anomalies; those of the first half are answered, where there is somebody to answer."""
    half, windows = half_of(series), windows_of(series)
    for at, (value, time_us) in enumerate(zip(series.values, series.times_us, strict=True)):
        verdict = detector.observe(value, time_us)
        if verdict is None or not verdict.is_anomaly:
            continue
        yield at
        if feedback is not None and at < half:
            is_one = any(at in window for window in windows)
            feedback.hear(at.to_bytes(ID_BYTES, "little"), "true" if is_one else "false")
            detector.heed(feedback.steps)


def judge(series: Series, found: Sequence[int]) -> Tally:
    """What alarms are worth in the second half."""
    half, windows = half_of(series), windows_of(series)
    later = [window for window in windows if window.start >= half]
    rows = [at for at in found if at >= half]
    return Tally(
        false_alarms=sum(not any(at in window for window in windows) for at in rows),
        found=sum(any(at in window for at in rows) for window in later),
        windows=len(later),
    )


def total(corpus: Corpus, make: Make, steps: int = 0) -> Tally:
    """Of all files, without answers, each threshold moved by so many steps from the beginning."""
    tally = Tally()
    for series in corpus.values():
        detector = make()
        detector.heed(steps)
        tally += judge(series, list(alarms(series, detector)))
    return tally


def evaluate(start: str, make: Make, corpus: Corpus) -> Figures:
    """One start, with and without an operator."""
    tally, answers, steps = Tally(), 0, []
    for series in corpus.values():
        detector = make()
        feedback = SeriesFeedback(detector.family)
        found = list(alarms(series, detector, feedback))
        tally += judge(series, found)
        answers += sum(at < half_of(series) for at in found)
        steps.append(feedback.steps)
    everywhere = {many: total(corpus, make, many) for many in EVERYWHERE}
    return Figures(start, total(corpus, make), tally, answers, tuple(steps), everywhere)


def print_table(figures: Sequence[Figures]) -> None:
    """A row for each start, and one for each comparison."""
    table = Table(title="Second halves of 26 files: false alarms, and windows found")
    for column in ("start", "answers", "false", "found", "of", "less, more sensitive"):
        table.add_column(column, justify="left" if column == "start" else "right")
    for one in figures:
        table.add_row(one.start, "", *_cells(one.without), "")
        moved = f"{sum(step > 0 for step in one.steps)}, {sum(step < 0 for step in one.steps)} files"
        table.add_row("  with feedback", str(one.answers), *_cells(one.with_feedback), moved)
        for steps, tally in one.everywhere.items():
            table.add_row(f"  all by {steps} steps", "", *_cells(tally), "")
        table.add_section()
    Console(width=120).print(table)


def _cells(tally: Tally) -> tuple[str, str, str]:
    return str(tally.false_alarms), str(tally.found), str(tally.windows)


def main() -> None:
    """Prints the table and writes `loadtest/results/feedback.json`."""
    if not DATA.is_dir():
        sys.exit("no ../shared/data beside this checkout: this benchmark needs nab-dev there")
    corpus = read_corpus()
    figures = [evaluate(start, make, corpus) for start, make in starts().items()]
    print_table(figures)
    write("feedback", "make bench NAME=feedback", {"starts": [asdict(one) for one in figures]})


if __name__ == "__main__":
    main()
