"""Detectors by the name under which `deploy/device_types.yaml` chooses them."""

from collections.abc import Callable, Sequence
from typing import Any

from headrace.errors import ConfigurationError
from process_readings.detect.detector import Detector
from process_readings.detect.ensemble import Ensemble
from process_readings.detect.judge import THRESHOLD
from process_readings.detect.members.by_name import USUAL_MEMBERS, make_members
from process_readings.detect.robust_level import RobustLevel

LARGEST_STATE = 2048
"""Bytes of a detector, beyond which it would write too much with each reading."""
ROOM = 220
"""By so much a state of an ensemble may grow."""
DEFAULT_DETECTOR = Ensemble.family


def _half_space_trees(**parameters: Any) -> Detector:
    # River takes a second to import, and the default detector does without it.
    from process_readings.detect.half_space_trees import HalfSpaceTrees

    return HalfSpaceTrees(**parameters)


def _holt_winters(**parameters: Any) -> Detector:
    from process_readings.detect.holt_winters import HoltWinters

    return HoltWinters(**parameters)


def _ensemble(threshold: float = THRESHOLD, members: Sequence[str] = USUAL_MEMBERS) -> Detector:
    detector = Ensemble(threshold, *make_members(members))
    size = len(detector.state()) + ROOM
    if size > LARGEST_STATE:
        raise ValueError(f"these members need {size} bytes a series, of {LARGEST_STATE} at most; choose fewer")
    return detector


_DETECTORS: dict[str, Callable[..., Detector]] = {
    Ensemble.family: _ensemble,
    RobustLevel.family: RobustLevel,
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
