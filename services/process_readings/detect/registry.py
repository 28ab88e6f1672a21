"""Detectors by the name under which `deploy/device_types.yaml` chooses them."""

from collections.abc import Callable
from typing import Any

from headrace.errors import ConfigurationError
from process_readings.detect.detector import Detector
from process_readings.detect.ensemble import THRESHOLD, Ensemble
from process_readings.detect.robust_level import RobustLevel

DEFAULT_DETECTOR = RobustLevel.family


def _half_space_trees(**parameters: Any) -> Detector:
    # River takes a second to import, and the default detector does without it.
    from process_readings.detect.half_space_trees import HalfSpaceTrees

    return HalfSpaceTrees(**parameters)


def _holt_winters(**parameters: Any) -> Detector:
    from process_readings.detect.holt_winters import HoltWinters

    return HoltWinters(**parameters)


def _ensemble(threshold: float = THRESHOLD) -> Detector:
    # Its members are no parameters of a device type.
    return Ensemble(threshold)


_DETECTORS: dict[str, Callable[..., Detector]] = {
    DEFAULT_DETECTOR: RobustLevel,
    Ensemble.family: _ensemble,
    "half_space_trees": _half_space_trees,
    "holt_winters": _holt_winters,
}


def detector_names() -> list[str]:
    """The names that `make_detector` takes."""
    return sorted(_DETECTORS)


def make_detector(name: str = DEFAULT_DETECTOR, **parameters: Any) -> Detector:
    """A fresh detector for one device and metric.

    Raises:
        ConfigurationError: there is no such detector, or it does not take these parameters.
    """
    make = _DETECTORS.get(name)
    if make is None:
        raise ConfigurationError(f"no detector {name!r}; choose one of {', '.join(detector_names())}")
    try:
        return make(**parameters)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"detector {name!r} with {parameters}: {error}") from error
