"""The rule `time`: a time out of one or more columns, in several formats, as microseconds UTC."""

from collections.abc import Iterator, Sequence

import polars as pl

from headrace.errors import Reason
from ingest_sources.rules.config_checks import EPOCH, ISO, ZONE_DIRECTIVES
from ingest_sources.rules.epoch import epoch_us, text_epoch_us
from ingest_sources.rules.models import Time
from ingest_sources.rules.steps import Finding, Step, refuse, show_row

# ISO 8601 as the world writes it. Chrono's %z takes an offset with or without colon or minutes, and Z.
_ISO_DATES = ("%Y-%m-%d", "%Y%m%d")
_ISO_TIMES = ("T%H:%M:%S%.f", " %H:%M:%S%.f", "T%H:%M", " %H:%M", "T%H%M%S%.f")
_ISO_SHAPE = (
    r"^\d{4}(?:-\d\d-\d\d|\d{4})"
    r"(?:[T ]\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?|\d{4}(?:\.\d+)?) ?(?:Z|[+-]\d\d(?::?\d\d)?)?)?$"
)
"""Chrono alone would take 24-1-2 for a day of the year 24."""


def time(rule: Time, table: pl.DataFrame) -> Step:
    """Refuses rows whose values fit no format, or whose local time doesn't exist; null in a column gives null."""
    reading = _read(rule, table)
    bad = reading.times.is_null() & reading.given
    result = table.with_columns(reading.times.alias(rule.into))
    if not bad.any():
        return Step(result)
    skipped = reading.skipped.filter(bad)
    fits_none = f"which fits none of {', '.join(rule.formats)}"
    gap = f"which the clocks of {rule.zone} skip"
    cells = zip(show_row(table.filter(bad), rule.columns), skipped, strict=True)
    details = [f"{cell}, {gap if is_skipped else fits_none}" for cell, is_skipped in cells]
    return refuse(result, [Finding(bad, details)], Reason.INVALID_TIME)


def _read(rule: Time, table: pl.DataFrame) -> "_Reading":
    typed = _typed(rule, table)
    texts = table.select(pl.concat_str(pl.col(rule.columns).cast(pl.String), separator=" ")).to_series()
    reading = _Reading(texts, rule.zone)
    if typed is not None:
        reading.take(typed)
        return reading
    for format in rule.formats:
        for attempt in _attempts(format, reading.left):
            if reading.is_complete:
                return reading
            reading.take(_parsed(reading.left, attempt, format))
    return reading


def _typed(rule: Time, table: pl.DataFrame) -> pl.Series | None:
    """The times of a column whose type says how to read it, as databases and Parquet have them; none for texts."""
    column = table[rule.columns[0]]
    if len(rule.columns) > 1:
        return None
    if isinstance(column.dtype, pl.Date | pl.Datetime):
        return column.cast(pl.Datetime("us", getattr(column.dtype, "time_zone", None)))
    if column.dtype.is_float() and EPOCH in rule.formats:
        return epoch_us(column.cast(pl.Float64))
    return None


def _attempts(format: str, texts: pl.Series) -> Sequence[str]:
    """The formats of strptime to try; those of ISO exclude each other, so that the likeliest can be the first."""
    if format != ISO:
        return [format]
    sample = texts.drop_nulls().head(1)
    return sorted(_iso_formats(), key=lambda attempt: _parsed(sample, attempt, ISO).null_count())


def _iso_formats() -> Iterator[str]:
    for date in _ISO_DATES:
        for time in _ISO_TIMES:
            yield f"{date}{time}"
            yield f"{date}{time}%#z"
        yield date


def _parsed(texts: pl.Series, attempt: str, format: str) -> pl.Series:
    if format == EPOCH:
        return text_epoch_us(texts)
    if format == ISO:
        texts = pl.select(pl.when(texts.str.contains(_ISO_SHAPE)).then(texts)).to_series()
    dtype = pl.Datetime("us", "UTC" if any(zone in attempt for zone in ZONE_DIRECTIVES) else None)
    return texts.str.strptime(dtype, attempt, strict=False)


class _Reading:
    """Times found so far.

    Attributes:
        times: Int64 microseconds UTC, null where none is found.
        given: where there is something to read.
        skipped: where a local time fits a format, but doesn't exist.
        left: the texts that no format has fitted yet.
    """

    def __init__(self, texts: pl.Series, zone: str) -> None:
        self._zone = zone
        self._rows: pl.Series | None = None
        self.given = texts.is_not_null()
        self.times = pl.repeat(None, len(texts), dtype=pl.Int64, eager=True)
        self.skipped = pl.repeat(False, len(texts), eager=True)
        self.left = texts

    @property
    def is_complete(self) -> bool:
        return self.left.null_count() == len(self.left)

    def take(self, found: pl.Series) -> None:
        """Takes what one format made of the texts that were left: local or zoned times, or microseconds."""
        times = self._utc(found)
        fits = found.is_not_null()
        if self._rows is None:
            self.times = times
            self.skipped = fits & times.is_null()
            rows = pl.int_range(len(found), eager=True)
        else:
            rows = self._rows
            self.times = self.times.scatter(rows.filter(fits), times.filter(fits))
            self.skipped = self.skipped.scatter(rows.filter(fits), times.filter(fits).is_null())
        self._rows = rows.filter(~fits & self.left.is_not_null())
        self.left = self.left.filter(~fits & self.left.is_not_null())

    def _utc(self, found: pl.Series) -> pl.Series:
        if not isinstance(found.dtype, pl.Datetime):
            return found
        if found.dtype.time_zone is None and self._zone != "UTC":
            found = found.dt.replace_time_zone(self._zone, ambiguous="earliest", non_existent="null")
        return found.dt.epoch("us")
