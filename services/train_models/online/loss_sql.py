"""What a prediction cost, and what a forecast without a model would have, as SQL over predictions and outcomes."""

from headrace.models.online import OnlineModel
from train_models.data.duck import ROW

_EPS = 1e-15
"""Probabilities are kept this far from 0 and 1, as by scikit-learn's log loss."""


def periods_query(model: OnlineModel, since_us: int) -> str:
    """One row for each prediction whose outcome is known, of the views `made` and `outcomes`.

    `first` and `squared` are absolute and squared error of a mean, log loss and Brier score of a probability.
    `base_first` and `base_squared` are those of the forecast without a model: the series' last value, or the share of
    its unusual periods so far, where what the file says counts as one season. They are NULL in a series' first period.
    `unit_first` and `unit_squared` are what errors of a mean are divided by, since series differ in their units: the
    mean absolute and squared error of the last value over the series (Hyndman and Koehler, "Another look at measures of
    forecast accuracy", International Journal of Forecasting 22, 2006); 1 for a probability, NULL where it isn't known.

    Args:
        since_us: start of the first period that counts, microseconds UTC.
    """
    is_mean = model.predicts == "mean"
    first, squared = _losses_of("score", is_mean)
    base_first, base_squared = _losses_of("base", is_mean)
    units = ("nullif(avg({0}) OVER series, 0)" if is_mean else "CAST(1 AS DOUBLE)") + " AS unit_{1}"
    return f"""
        WITH first_made AS (
            SELECT * FROM made QUALIFY row_number() OVER (PARTITION BY id ORDER BY {ROW}) = 1
        ), newest AS (
            SELECT id, label FROM outcomes QUALIFY row_number() OVER (PARTITION BY id ORDER BY {ROW} DESC) = 1
        ), joined AS (
            SELECT version, subject, epoch_us(event_time) AS start, score, label
            FROM first_made JOIN newest USING (id) WHERE subject IS NOT NULL AND event_time IS NOT NULL
        ), known AS (
            SELECT subject, start, arg_max(label, version) AS label FROM joined GROUP BY subject, start
        ), based AS (
            SELECT subject, start, {_base(model)} AS base FROM known
            WINDOW earlier AS (PARTITION BY subject ORDER BY start ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        ), judged AS (
            SELECT joined.*, {first} AS first, {squared} AS squared,
                {base_first} AS base_first, {base_squared} AS base_squared
            FROM joined JOIN based USING (subject, start) WHERE start >= {since_us}
        )
        SELECT *, {units.format("base_first", "first")}, {units.format("base_squared", "squared")}
        FROM judged WINDOW series AS (PARTITION BY subject)
    """  # noqa: S608 - all of it is made here


def _losses_of(score: str, is_mean: bool) -> tuple[str, str]:
    squared = f"({score} - label) * ({score} - label)"
    if is_mean:
        return f"abs({score} - label)", squared
    likely = f"CASE WHEN label = 1 THEN {score} ELSE 1 - {score} END"
    return f"-ln(greatest({_EPS!r}, {likely}))", squared


def _base(model: OnlineModel) -> str:
    if model.predicts == "mean":
        return "last_value(label) OVER earlier"
    came, count = "coalesce(sum(label) OVER earlier, 0)", "count(*) OVER earlier"
    return f"({model.share!r} * {model.season} + {came}) / ({model.season} + {count})"
