"""The real series that river ships: hourly flow through a water pipeline, March to May 2022, litres per second."""

from functools import cache

from river import datasets

STEP_S = 3_600


@cache
def water_flow() -> tuple[float, ...]:
    """The 1,268 values in order, read from river's own package; nothing is downloaded."""
    series = datasets.WaterFlow()  # type: ignore[no-untyped-call]  # river's constructor has no annotations
    return tuple(float(value) for _, value in series)
