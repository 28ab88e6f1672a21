"""What a reader must know before a model is used, found in its numbers."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from train_models.judging.fold_summary import Summary
from train_models.judging.intervals import Interval
from train_models.judging.paired_tests import PairedTest
from train_models.judging.slices import Slice
from train_models.judging.wording import label, number, p_text

MOST_CALIBRATION_ERROR = 0.05
FEWEST_HOLD_OUT_ROWS = 200
_MOST_NAMED = 6


def found_caveats(
    metric: str,
    findings: Sequence[Any],
    over_folds: Mapping[str, Summary],
    hold_out: Mapping[str, Interval],
    hold_out_rows: int,
    against_baselines: Mapping[str, tuple[PairedTest, ...]],
    constants: Collection[str],
    slices: Sequence[Slice],
    calibration_error: float,
) -> tuple[str, ...]:
    """The caveats, in words; none where nothing was found.

    Args:
        constants: the baselines that say the same of every row.
    """
    return (
        *(f"The leak scan says: {finding_text(finding)}" for finding in findings),
        *_of_size(hold_out_rows),
        *_of_folds(metric, over_folds, hold_out),
        *_of_baselines(against_baselines, constants),
        *_of_slices(metric, slices),
        *_of_calibration(calibration_error),
    )


def of_earlier_runs(runs: int) -> tuple[str, ...]:
    """That this hold-out has judged other runs; nothing where it has not."""
    if not runs:
        return ()
    return (
        f"This hold-out has judged {runs:,} other run{'' if runs == 1 else 's'} before, or rows of it have: where the "
        "file was edited by what it said, its values are too good; newer rows set others aside.",
    )


def finding_text(finding: Any) -> str:
    """A leak finding in words: its message, with the feature's name where that does not say it."""
    message, feature = str(getattr(finding, "message", finding)), getattr(finding, "feature", None)
    return f"{feature}: {message}" if feature and feature not in message else message


def _of_size(rows: int) -> Iterator[str]:
    if rows < FEWEST_HOLD_OUT_ROWS:
        yield f"The hold-out has only {rows:,} rows: look at the intervals, not at the values."


def _of_folds(metric: str, over_folds: Mapping[str, Summary], hold_out: Mapping[str, Interval]) -> Iterator[str]:
    mean, found = over_folds[metric].mean, hold_out[metric]
    if mean < found.low or mean > found.high:
        yield (
            f"The folds' mean {label(metric)} of {number(mean)} lies outside of the hold-out's interval, "
            f"{number(found.low)} to {number(found.high)}: the hold-out differs from the development rows."
        )


def _of_baselines(against: Mapping[str, tuple[PairedTest, ...]], constants: Collection[str]) -> Iterator[str]:
    """By the rule of the gates for a first version: better than a constant, not clearly worse than another baseline."""
    for baseline, (test, *_) in against.items():
        said = f"difference {number(test.difference)}, p {_equals(p_text(test))}"
        if test.is_better():
            continue
        if baseline in constants:
            found = f"is not clearly better than {baseline}, which says the same of every row"
        elif test.is_worse():
            found = f"is clearly worse than {baseline}, which is to be used in its place"
        else:
            found = f"is neither clearly better nor worse than {baseline}, which may do"
        yield f"On the hold-out it {found} ({said})."


def _equals(text: str) -> str:
    return text if text.startswith("<") else f"= {text}"


def _of_slices(metric: str, slices: Sequence[Slice]) -> Iterator[str]:
    worse = [
        f"{each.input} is {each.group} ({number(each.metrics[metric].value)})"
        for each in slices
        if each.is_clearly_worse
    ]
    if worse:
        yield f"{label(metric)} is clearly worse than of all rows where {_some(worse)}."
    small = [
        f"{each.input} is {each.group} ({each.rows:,} row{'' if each.rows == 1 else 's'})"
        for each in slices
        if each.is_too_small
    ]
    if small:
        yield f"Too few rows or groups, or of one class, to be judged: {_some(small)}."


def _some(texts: Sequence[str]) -> str:
    more = f", and {len(texts) - _MOST_NAMED} more" if len(texts) > _MOST_NAMED else ""
    return ", ".join(texts[:_MOST_NAMED]) + more


def _of_calibration(error: float) -> Iterator[str]:
    if error > MOST_CALIBRATION_ERROR:
        yield f"Probabilities are off by {error:.1%} on average: use the decision or the order, not their size."
