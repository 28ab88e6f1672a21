"""How numbers of a report are written."""

from datetime import UTC, datetime

from ingest_sources.quality.column_stats import ColumnStats
from ingest_sources.quality.drift import FEWEST
from ingest_sources.quality.report import Report

_YEAR_9999 = 253_000_000_000_000_000


def percent(share: float) -> str:
    """A share, such as `0.25 %`."""
    return f"{100 * share:.3g} %"


def number(value: float) -> str:
    """Six digits of it."""
    return f"{value:,.6g}"


def moment(at_us: int) -> str:
    """Microseconds UTC as a date and a time."""
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).isoformat(" ", "seconds").removesuffix("+00:00")


def _minute(at_us: float) -> str:
    return moment(int(at_us))[:-3]


def lasted(report: Report) -> str:
    """From its begin to its end."""
    seconds = max(0, report.ended_us - report.begun_us) / 1_000_000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {seconds} s"


def legible(text: str) -> str:
    """A name of strangers', without what moves a terminal's cursor or turns a line around."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def remarks(report: Report) -> str:
    """What its counts alone don't say."""
    found = ["refused, so not read to its end"] if report.state == "refused" else []
    return ", ".join([*found, *(["only what came after a restart"] if report.is_partial else [])])


def none_found(report: Report) -> str:
    """That it has no findings."""
    if report.number <= FEWEST:
        return f"Differences are looked for from the run after {FEWEST} others on"
    return "No difference to the runs before was found"


def span(column: ColumnStats, is_time: bool) -> str:
    """From where to where it goes; of texts their lengths alone."""
    numbers = column.numbers
    if numbers and is_time and 0 <= numbers.min <= numbers.max < _YEAR_9999:
        return f"{_minute(numbers.min)} to {_minute(numbers.max)}"
    if numbers:
        return number(numbers.min) if numbers.min == numbers.max else f"{number(numbers.min)} to {number(numbers.max)}"
    if column.texts:
        low, high = column.texts.shortest, column.texts.longest
        return f"{low} characters" if low == high else f"{low} to {high} characters"
    return ""


def middle(column: ColumnStats, is_time: bool) -> str:
    """Mean and spread, share of true, or how many different texts."""
    if column.numbers:
        return "" if is_time else f"{number(column.numbers.mean)} ± {column.numbers.spread:,.3g}"
    if column.kind == "boolean":
        return f"{percent(column.trues / column.values)} true"
    if column.kind == "text":
        return "many different" if column.distinct is None else f"{column.distinct} different"
    return ""
