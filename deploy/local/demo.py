"""`make demo`: the whole pipeline on this machine with devices that publish, and a screen that shows it living.

`python -m deploy.local.demo --seconds 60` ends by itself; without a terminal it prints a line every few seconds.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

from rich.console import Console, RenderableType
from rich.live import Live

from deploy.local import demo_sources
from deploy.local.checks import machine_problems
from deploy.local.demo_devices import FleetOptions, publishing, register_types
from deploy.local.demo_figures import Gatherer
from deploy.local.demo_screen import Heading, line, screen
from deploy.local.errors import CheckFailed, StackError
from deploy.local.project import exclusive, project_stack
from deploy.local.stack import SERVICES, Stack
from loadtest.devices.host import device_name

_REDRAW_S = 1.0
_LINE_EVERY_S = 5.0
_ENDING = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Options:
    """`seconds` of running, or None until Ctrl-C."""

    fleet: FleetOptions
    seconds: float | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo; an expected error is one line."""
    options = _options(arguments)
    console = Console(highlight=False)
    for number in _ENDING:
        signal.signal(number, _interrupt)
    begin = time.monotonic()
    try:
        stack = project_stack(os.environ, lambda layout: {"ingest_sources": demo_sources.environment(layout)})
        _run(stack, options, console, begin)
    except StackError as error:
        Console(stderr=True, highlight=False).print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("ended by Ctrl-C; the data stay for the next time, `make clean` deletes them", soft_wrap=True)
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    # An impatient second Ctrl-C must not leave half of the stack running.
    for ending in _ENDING:
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt


def _run(stack: Stack, options: Options, console: Console, begin: float) -> None:
    problems = machine_problems(memory=len(stack.stopped()) == len(stack.components))
    if problems:
        raise CheckFailed(problems)

    def on_ready(name: str, took: float) -> None:
        console.print(f"{time.monotonic() - begin:5.1f} s  {name} is ready")

    with exclusive(stack):
        console.print("starting Kafka, Cassandra, mosquitto, Prometheus, PostgreSQL, RabbitMQ and the services")
        demo_sources.write_sources(stack)
        wanted = (*stack.usual(), *demo_sources.FAR_ENDS)
        with stack.running(*wanted, on_ready=on_ready), publishing(stack, options.fleet), demo_sources.filling(stack):
            register_types(stack, options.fleet.meters)
            _show(stack, options.seconds, console, begin)
            console.print("stopping what this command started")


def _show(stack: Stack, seconds: float | None, console: Console, begin: float) -> None:
    gatherer = Gatherer({name: stack.url(name) for name in SERVICES})
    view = _View(stack, gatherer, console, begin)
    try:
        if console.is_terminal:
            with Live(console=console, screen=False, auto_refresh=False, vertical_overflow="crop") as live:
                _every(_REDRAW_S, seconds, lambda: live.update(view.screen(), refresh=True))
        else:
            _every(_LINE_EVERY_S, seconds, lambda: console.print(view.line(), soft_wrap=True))
    finally:
        gatherer.close()


def _every(period: float, seconds: float | None, draw: Callable[[], None]) -> None:
    end = None if seconds is None else time.monotonic() + seconds
    while True:
        start = time.monotonic()
        draw()
        if end is not None and time.monotonic() >= end:
            return
        time.sleep(max(0.0, start + period - time.monotonic()))


class _View:
    """What is drawn, and when the first data were seen in Cassandra."""

    def __init__(self, stack: Stack, gatherer: Gatherer, console: Console, begin: float) -> None:
        self._gatherer = gatherer
        self._console = console
        self._begin = begin
        self._first_stored: float | None = None
        self._addresses = {
            "API": stack.url("serve_api") + "/v1",
            "docs": stack.url("serve_api") + "/docs",
            "Prometheus": stack.url("prometheus"),
            "MQTT": f"mqtt://{stack.host}:{stack.ports.mqtt}",
        }

    def screen(self) -> RenderableType:
        return screen(self._heading(), self._gatherer.gather())

    def line(self) -> str:
        return line(self._heading(), self._gatherer.gather())

    def _heading(self) -> Heading:
        if self._first_stored is None and self._gatherer.has_stored(device_name()):
            self._first_stored = time.monotonic() - self._begin
            self._console.print(f"first data in Cassandra {self._first_stored:.1f} s after the command")
        return Heading(time.monotonic() - self._begin, self._first_stored, self._addresses)


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.local.demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, help="end after so many seconds of running")
    parser.add_argument("--meters", type=int, default=20, help="virtual water meters (20)")
    parser.add_argument("--speed", type=float, default=18_000, help="times real time; 18000 is 5 hours a second")
    parser.add_argument("--faults", type=float, default=0.005, help="share of steps that begin a fault (0.005)")
    parser.add_argument("--seed", type=int, default=1, help="of the injected faults (1)")
    chosen = parser.parse_args(arguments)
    return Options(FleetOptions(chosen.meters, chosen.speed, chosen.faults, chosen.seed), chosen.seconds)


if __name__ == "__main__":
    sys.exit(main())
