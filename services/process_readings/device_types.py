"""Device types: what is known beforehand of the metrics of a kind of device, read from `deploy/device_types.yaml`."""

import fnmatch
import re
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from headrace.errors import ConfigurationError
from process_readings.detect.joint import Joint
from process_readings.detect.registry import DEFAULT_DETECTOR, make_detector
from process_readings.event_time import SHORT_US
from process_readings.units import conversion

DEFAULT = "default"
NO_DETECTOR = "none"


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone; use a name of the IANA list such as Europe/Berlin") from error
    return name


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StuckRule(_Entry):
    """A value is stuck after `count` equal values in a row over at least `seconds`; those in `ignore` never are."""

    count: int = Field(2, ge=2)
    seconds: float = Field(0.0, ge=0)
    ignore: tuple[float, ...] = ()


class MetricRule(_Entry):
    """What holds for the metrics whose names match one of the patterns (`*` and `?`, case does not matter).

    Attributes:
        unit: the canonical unit, to which readings are converted.
        device_unit: the unit that the device means when it states none.
        range: least and greatest value that is physically possible, in the canonical unit; null leaves a side open.
        stuck: when an unchanged value is flagged; never, where it is not given.
        detector, parameters: the model that looks for anomalies; `none` for none.
    """

    match: tuple[str, ...] = Field(min_length=1)
    unit: str | None = None
    device_unit: str | None = None
    range: tuple[float | None, float | None] | None = None
    stuck: StuckRule | None = None
    detector: str = DEFAULT_DETECTOR
    parameters: dict[str, Any] = {}
    _pattern: re.Pattern[str] = PrivateAttr()

    @model_validator(mode="after")
    def _check(self) -> Self:
        low, high = self.range or (None, None)
        if low is not None and high is not None and low >= high:
            raise ValueError(f"range {low} to {high} is empty; give the least value first")
        if self.device_unit and (not self.unit or conversion(self.device_unit, self.unit) is None):
            raise ValueError(f"device_unit {self.device_unit!r} does not convert to unit {self.unit!r}; see units.py")
        if self.detector != NO_DETECTOR:
            try:
                make_detector(self.detector, **self.parameters)
            except ConfigurationError as error:
                raise ValueError(str(error)) from error
        patterns = (fnmatch.translate(pattern.lower()) for pattern in self.match)
        self._pattern = re.compile("|".join(patterns))
        return self

    def matches(self, metric: str) -> bool:
        """Whether the rule holds for a metric."""
        return self._pattern.match(metric.lower()) is not None


ANY_METRIC = MetricRule(match=("*",))
"""Holds where no rule matches: no unit, no range, never stuck, the default detector."""


class Together(_Entry):
    """Metrics, by their names as devices send them, whose values a detector sees together where they have one time."""

    metrics: tuple[str, ...]
    parameters: dict[str, Any] = {}

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            self.make()
        except TypeError as error:
            raise ValueError(f"parameters {self.parameters}: {error}") from error
        return self

    def make(self) -> Joint:
        """A fresh detector."""
        return Joint(self.metrics, **self.parameters)


class DeviceType(_Entry):
    """A kind of device. Its metric rules are tried in order, then those of the type `default`.

    Attributes:
        zone: of times that the device writes without one.
        allowed_lateness: seconds of event time for which a window waits for late readings after its end.
        together: metrics that are looked at together too; each metric in one entry only.
    """

    about: str
    zone: Annotated[str, AfterValidator(_check_zone)] = "UTC"
    allowed_lateness: int = Field(600, ge=0, le=7 * 86_400)
    metrics: tuple[MetricRule, ...] = ()
    together: tuple[Together, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [metric for entry in self.together for metric in entry.metrics]
        # An anomaly is known by metric, time and kind of detector, so two entries must not find one in the same metric.
        if twice := sorted({metric for metric in names if names.count(metric) > 1}):
            raise ValueError(f"{', '.join(twice)} can be in one entry of together only")
        if self.lateness_us % SHORT_US:
            raise ValueError(f"allowed_lateness must be a multiple of {SHORT_US // 1_000_000} s, the shortest window")
        return self

    @property
    def lateness_us(self) -> int:
        """The allowed lateness in microseconds."""
        return self.allowed_lateness * 1_000_000


class DeviceTypes:
    """The types by name; an unknown name is the type `default`."""

    def __init__(self, types: dict[str, DeviceType]) -> None:
        if DEFAULT not in types:
            raise ConfigurationError(f"there is no type {DEFAULT!r}: it holds for devices of which nothing is known")
        self._types = types
        self._default = types[DEFAULT]

    def __contains__(self, name: str) -> bool:
        return name in self._types

    def names(self) -> list[str]:
        """The names of all types."""
        return sorted(self._types)

    def get(self, name: str) -> DeviceType:
        """The type of a name."""
        return self._types.get(name, self._default)

    def rule(self, name: str, metric: str) -> MetricRule:
        """The first rule that matches a metric of a device of this type."""
        for rule in (*self.get(name).metrics, *self._default.metrics):
            if rule.matches(metric):
                return rule
        return ANY_METRIC


def zone_of(name: str, otherwise: str) -> ZoneInfo:
    """A zone by its name, or the other one where this machine knows none: a device must not stop a partition."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo(otherwise)


def load_device_types(path: Path) -> DeviceTypes:
    """Reads the file of device types.

    Raises:
        ConfigurationError: the file or an entry is wrong; the message names the entry and how to mend it.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise ConfigurationError(f"{path.name} must map each type's name to its entry")
    return DeviceTypes({name: _read_type(path, name, entry) for name, entry in content.items()})


def _read_type(path: Path, name: str, entry: object) -> DeviceType:
    try:
        return DeviceType.model_validate(entry)
    except ValidationError as error:
        problems = (f"{'.'.join((name, *map(str, item['loc'])))}: {item['msg']}" for item in error.errors())
        raise ConfigurationError(f"{path.name}: {'; '.join(problems)}") from None
