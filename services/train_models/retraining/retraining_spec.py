"""What a model file says of retraining."""

from datetime import UTC, datetime
from typing import Annotated

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _has_times(cron: str) -> str:
    try:
        next(CronSim(cron, datetime(2000, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        raise ValueError(f"{cron!r} names no times; give minute, hour, day, month and weekday: 0 3 * * *") from error
    return cron


class Retraining(BaseModel):
    """When a model is trained again; the first of all that are given.

    Attributes:
        cron: times in UTC, such as `0 3 * * *`.
        new_rows: rows since the champion's snapshot.
        drift_psi: population stability index, of an input or the score, between training and what was predicted lately.
        promote: whether a candidate that passes the gates is promoted without a person.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cron: Annotated[str, AfterValidator(_has_times)] | None = None
    new_rows: int | None = Field(None, ge=1)
    drift_psi: float | None = Field(None, gt=0)
    promote: bool = False

    @property
    def is_wanted(self) -> bool:
        """Whether there is any trigger."""
        return not (self.cron is None and self.new_rows is None and self.drift_psi is None)
