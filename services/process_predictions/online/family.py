"""A forecast and the models that are about it: together they have one state of each series."""

from collections.abc import Iterable
from dataclasses import dataclass

from headrace.models.online import OnlineModel

_SECOND_US = 1_000_000


@dataclass(frozen=True)
class Family:
    """A model of `mean`, and those of `unusual` by the variant of it that they are about."""

    forecast: OnlineModel
    about: tuple[tuple[str, OnlineModel], ...] = ()

    @property
    def models(self) -> tuple[OnlineModel, ...]:
        """All of them."""
        return (self.forecast, *(model for _, model in self.about))

    @property
    def period_us(self) -> int:
        """Microseconds of a period."""
        return self.forecast.period_s * _SECOND_US

    @property
    def window_us(self) -> int:
        """Microseconds of a window."""
        return self.forecast.window_s * _SECOND_US


def families(models: Iterable[OnlineModel]) -> tuple[Family, ...]:
    """Online models by what they forecast."""
    known = tuple(models)
    return tuple(
        Family(
            forecast,
            tuple(
                (other.forecast.partition("/")[2], other)
                for other in known
                if other.forecast is not None and other.forecast.startswith(f"{forecast.name}/")
            ),
        )
        for forecast in known
        if forecast.predicts == "mean"
    )
