"""Whether a model is due for a training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cronsim import CronSim

from train_models.retraining.retraining_spec import Retraining


@dataclass(frozen=True)
class Standing:
    """What is known of a model when it is asked.

    Attributes:
        last_trained_us: when the last training began, however it ended; 0 before the first.
        new_rows: rows since the snapshot of the last training; None where nobody counts them.
        drift: input, or `score`, → population stability index of what was predicted lately; empty where too little was.
    """

    last_trained_us: int = 0
    new_rows: int | None = None
    drift: Mapping[str, float] = field(default_factory=dict)


def due(retraining: Retraining, standing: Standing, now_us: int) -> str | None:
    """Why the model is to be trained now, in words, or None.

    Drift and rows count once: what follows a training is measured against that training.
    """
    if retraining.cron is not None and _has_passed(retraining.cron, standing.last_trained_us, now_us):
        return f"the time of `{retraining.cron}` has come"
    if retraining.new_rows is not None and (standing.new_rows or 0) >= retraining.new_rows:
        return f"{standing.new_rows:,} new rows"
    if retraining.drift_psi is not None and standing.drift:
        name, psi = max(standing.drift.items(), key=lambda item: item[1])
        if psi >= retraining.drift_psi:
            return f"{name} drifted: its population stability index is {psi:.2f}"
    return None


def _has_passed(cron: str, last_us: int, now_us: int) -> bool:
    last = datetime.fromtimestamp(last_us / 1e6, UTC)
    return next(CronSim(cron, last)) <= datetime.fromtimestamp(now_us / 1e6, UTC)
