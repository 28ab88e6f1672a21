"""Epoch numbers in s, ms, µs or ns, whose unit follows from their magnitude, as microseconds."""

import polars as pl

_NUMBER = r"^[+-]?\d+(?:\.\d+)?$"
# As in payloads: below 10¹¹ it is seconds (until the year 5138), and each further factor of 1,000 is the next unit.
_SECONDS, _MILLISECONDS, _MICROSECONDS, _NANOSECONDS = 10**11, 10**14, 10**17, 9 * 10**18
"""The first magnitude that is no longer in this unit; nanoseconds end where Int64 does."""


def epoch_us(numbers: pl.Series) -> pl.Series:
    """Int64 or Float64 → Int64 microseconds; null where the number is beyond all units, or none."""
    number = pl.lit(numbers)
    result = (
        pl.when(_within(number, _SECONDS))
        .then(_rounded(number * 1_000_000))
        .when(_within(number, _MILLISECONDS))
        .then(_rounded(number * 1_000))
        .when(_within(number, _MICROSECONDS))
        .then(_rounded(number))
        .when(_within(number, _NANOSECONDS))
        .then(_rounded(number // 1_000))
    )
    return pl.select(result).to_series()


def _within(number: pl.Expr, limit: int) -> pl.Expr:
    # Not by `abs`, which the least Int64 doesn't have.
    return number.is_between(-limit, limit, closed="none")


def _rounded(number: pl.Expr) -> pl.Expr:
    # Not strict: the branches that are not taken are computed too, and may not fit.
    return number.round().cast(pl.Int64, strict=False)


def text_epoch_us(texts: pl.Series) -> pl.Series:
    """String → Int64 microseconds; null where the text is no number, or one beyond all units."""
    # Integers don't go through Float64, which would change nanoseconds.
    times = epoch_us(texts.cast(pl.Int64, strict=False))
    if times.null_count() == texts.null_count():
        return times
    decimals = pl.select(pl.when(texts.str.contains(_NUMBER)).then(texts)).to_series().cast(pl.Float64, strict=False)
    return pl.select(pl.coalesce(times, epoch_us(decimals))).to_series()
