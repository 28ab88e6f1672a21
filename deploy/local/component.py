"""What the stack needs to know of a process that it runs."""

from __future__ import annotations

import signal
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Task:
    """A command that must have succeeded once before a component starts; running it again changes nothing."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Component:
    """One process.

    `ports` maps the names in `Ports` to numbers. `requires` names the components that must be ready first. `prepare`
    runs before each start: it renders the configuration and makes what the first start needs. `ready` never raises.
    `stop_signal` asks for an orderly end. One that `is_optional` starts only where it is named or required. For one
    that `is_aside` nobody waits unless it is named.
    Times are in seconds.
    """

    name: str
    command: tuple[str, ...]
    ports: Mapping[str, int]
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    tasks: tuple[Task, ...] = ()
    prepare: Callable[[], None] = _nothing
    start_timeout: float = 60.0
    stop_timeout: float = 30.0
    stop_signal: signal.Signals = signal.SIGTERM
    is_optional: bool = False
    is_aside: bool = False


def render(template: Path, target: Path, values: Mapping[str, str]) -> None:
    """Fill the `${NAME}`s of `template`; a name without a value raises KeyError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(string.Template(template.read_text()).substitute(values))
