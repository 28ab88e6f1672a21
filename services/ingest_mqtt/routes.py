"""Routes: which MQTT topic is which device, site, metric and format; read from a file and checked at the start."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from headrace import raw
from headrace.errors import ConfigurationError
from headrace.raw import Format
from headrace.records import record_key
from ingest_mqtt.named_pattern import NamedPattern, Site
from ingest_mqtt.personal_routes import PersonalFile, PersonalRoutes
from ingest_mqtt.topic_pattern import CACHED_TOPICS, TopicPattern, fill, overlap, placeholders

PERSONAL = "personal"
"""The name under which a device's session drops what the session of `personal` takes."""
Headers = tuple[tuple[str, bytes], ...]


class Ignored(NamedPattern):
    """Topics that are dropped on purpose, counted under `name`."""


class Route(NamedPattern):
    """What a topic that fits `pattern` is.

    Attributes:
        format: how the payload is decoded later.
        content_types: formats that a publish's Content Type (MQTT 5) may choose instead.
        device, site, metric: texts with the pattern's names in them. The levels of a metric are joined by dots.
        device_type: the type of a device that is not registered yet.
    """

    format: Format
    content_types: dict[str, Format] = Field(default_factory=dict)
    device: str = "{device}"
    site: str | None = None
    metric: str | None = None
    device_type: str | None = None

    @model_validator(mode="after")
    def _names_are_known(self) -> "Route":
        known = TopicPattern(self.pattern).names
        for field in ("device", "site", "metric"):
            for name in placeholders(getattr(self, field) or ""):
                if name not in known:
                    has = ", ".join(known) or "none"
                    raise ValueError(f"{field} uses {{{name}}}, which {self.pattern!r} does not name (it has {has})")
        return self


class RoutesFile(BaseModel):
    """The file: filters to subscribe to, what is ignored, and the routes of the rest; the first that fits counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: Site = "default"
    subscribe: tuple[str, ...] = Field(min_length=1)
    ignore: tuple[Ignored, ...] = ()
    routes: tuple[Route, ...] = Field(min_length=1)
    personal: PersonalFile | None = None

    @model_validator(mode="after")
    def _what_is_personal_comes_once(self) -> "RoutesFile":
        for personal in self.personal.subscribe if self.personal else ():
            for other in self.subscribe:
                if overlap(personal, other):
                    raise ValueError(
                        f"{other!r} of `subscribe` takes in topics of {personal!r}, which is personal: no message of "
                        "people may come as a device's; subscribe to less"
                    )
        return self


@dataclass(frozen=True, slots=True)
class Target:
    """Where a topic's messages go: the Kafka key, and the headers that are the same for all of them.

    `by_content_type` has the headers where a publish names one of the route's content types.
    """

    site: str
    device: str
    key: bytes
    headers: Headers
    by_content_type: Mapping[str, Headers]


@dataclass(frozen=True, slots=True)
class Drop:
    """A topic that is dropped on purpose, and the name under which that is counted."""

    name: str


class RouteTable:
    """Finds a topic's target; the answers for the topics seen last are kept."""

    def __init__(self, file: RoutesFile) -> None:
        self.subscribe = file.subscribe
        self._site = file.site
        self.personal = PersonalRoutes(file.personal, file.site) if file.personal else None
        # A session that was subscribed to them once may bring them yet.
        personal = file.personal.subscribe if file.personal else ()
        self._ignored = [(TopicPattern(each), Drop(PERSONAL)) for each in personal]
        self._ignored += [(TopicPattern(entry.pattern), Drop(entry.name)) for entry in file.ignore]
        self._routes = [(TopicPattern(route.pattern), route) for route in file.routes]
        self._subscribed = [TopicPattern(pattern) for pattern in (*file.subscribe, *personal)]
        self.resolve = functools.lru_cache(CACHED_TOPICS)(self._resolve)
        self.is_subscribed = functools.lru_cache(CACHED_TOPICS)(self._is_subscribed)

    def _resolve(self, topic: bytes) -> Target | Drop | None:
        text = topic.decode(errors="replace")
        for pattern, drop in self._ignored:
            if pattern.match(text) is not None:
                return drop
        for pattern, route in self._routes:
            names = pattern.match(text)
            if names is not None:
                return _target(route, names, topic, self._site)
        return None

    def _is_subscribed(self, topic: str) -> bool:
        return any(pattern.match(topic) is not None for pattern in self._subscribed)


def load_routes(path: Path) -> RouteTable:
    """Reads a routes file.

    Raises:
        ConfigurationError: the file is missing or wrong; names the route and what to change.
    """
    try:
        content = yaml.safe_load(path.read_text())
        return RouteTable(RoutesFile.model_validate(content))
    except OSError as error:
        raise ConfigurationError(f"routes file {path}: {error.strerror}; set INGEST_MQTT_ROUTES") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"routes file {path} is not YAML: {error}") from error
    except ValidationError as error:
        raise ConfigurationError(f"routes file {path}: {_explain(content, error)}") from error
    except ValueError as error:
        raise ConfigurationError(f"routes file {path}: subscribe: {error}") from error


def _explain(content: object, error: ValidationError) -> str:
    problems = []
    for item in error.errors():
        place = [str(part) for part in item["loc"]]
        name = _entry_name(content, item["loc"])
        where = f"{place[0]} {name!r} {'.'.join(place[2:])}".rstrip() if name else ".".join(place) or "file"
        problems.append(f"{where}: {item['msg']}")
    return "; ".join(problems)


def _entry_name(content: object, place: tuple[int | str, ...]) -> str | None:
    match content, place:
        case {"routes": [*entries]}, ("routes", int(index), *_):
            pass
        case {"ignore": [*entries]}, ("ignore", int(index), *_):
            pass
        case _:
            return None
    entry = entries[index]
    return str(entry.get("name", f"number {index + 1}")) if isinstance(entry, dict) else f"number {index + 1}"


def _target(route: Route, names: Mapping[str, str], topic: bytes, site: str) -> Target:
    device = fill(route.device, names)
    site = fill(route.site, names) if route.site else site
    fixed = [(raw.MQTT_TOPIC, topic)]
    if route.metric:
        fixed.append((raw.METRIC, fill(route.metric, names).replace("/", ".").encode()))
    if route.device_type:
        fixed.append((raw.DEVICE_TYPE, route.device_type.encode()))
    return Target(
        site=site,
        device=device,
        key=record_key(site, device),
        headers=((raw.FORMAT, route.format.encode()), *fixed),
        by_content_type={name: ((raw.FORMAT, chosen.encode()), *fixed) for name, chosen in route.content_types.items()},
    )
