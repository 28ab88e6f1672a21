"""When a source that is asked for its rows is asked again."""

import random
from datetime import datetime
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field, field_validator, model_validator

from ingest_sources.model_part import Part
from ingest_sources.rules.config_checks import usable_zone

_SECOND = 1_000_000


class Schedule(Part):
    """Attributes:
    every_seconds: from the beginning of a run to that of the next.
    cron: minute, hour, day, month and weekday, in place of `every_seconds`.
    zone: of `cron`.
    jitter_seconds: so much later at most, by chance: many sources of one API need not all come at the full hour.
    missed: what happens when the time of a run, or of several, passed while nothing ran: one run at once, or none until
        the next time.
    after: sources that must have ended a run since this one's last began; their rows are in Kafka then.
    """

    every_seconds: float | None = Field(None, ge=0.1)
    cron: str | None = None
    zone: Annotated[str, AfterValidator(usable_zone)] = "UTC"
    jitter_seconds: float = Field(0, ge=0)
    missed: Literal["run", "skip"] = "run"
    after: tuple[str, ...] = ()

    @field_validator("cron")
    @classmethod
    def _is_cron(cls, cron: str | None) -> str | None:
        try:
            if cron is not None:
                CronSim(cron, datetime(2000, 1, 1))
        except CronSimError as error:
            raise ValueError(f"{cron!r} is no cron expression ({error}); `*/10 * * * *` is every ten minutes") from None
        return cron

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if (self.every_seconds is None) == (self.cron is None):
            raise ValueError("give either `every_seconds` or `cron`")
        return self

    def next_run(self, last_us: int, now_us: int) -> int:
        """When the next run is due, without jitter; not later than now means at once. Microseconds UTC.

        Args:
            last_us: when the last run began that came to its end; 0 if there was none.
        """
        if not last_us:
            # Of a source that never ran nobody knows what it missed.
            return now_us if self.cron is None else self._following(now_us)
        due = self._following(last_us)
        if due < now_us and self.missed == "skip":
            return self._following(now_us) if self.cron is not None else self._in_step(last_us, now_us)
        return due

    def delay_s(self, chance: random.Random) -> float:
        """A jitter, seconds."""
        return chance.uniform(0, self.jitter_seconds)

    def _following(self, time_us: int) -> int:
        if self.cron is None:
            return time_us + int((self.every_seconds or 0) * _SECOND)
        begin = datetime.fromtimestamp(time_us / _SECOND, ZoneInfo(self.zone))
        return int(next(CronSim(self.cron, begin)).timestamp() * _SECOND)

    def _in_step(self, last_us: int, now_us: int) -> int:
        step = int((self.every_seconds or 0) * _SECOND)
        return last_us + -(-(now_us - last_us) // step) * step
