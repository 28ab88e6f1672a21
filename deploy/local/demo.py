"""`make demo`: the whole pipeline on this machine with devices that publish, and a screen that shows it living.

`python -m deploy.local.demo --seconds 60` ends by itself; without a terminal it prints a line every few seconds.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import FrameType

from rich.console import Console, RenderableType
from rich.live import Live

from deploy.local import demo_models, demo_shop, demo_sources
from deploy.local.checks import machine_problems, port_problems
from deploy.local.demo_devices import FleetOptions, publishing, register_types
from deploy.local.demo_figures import Gatherer
from deploy.local.demo_screen import Heading, line, screen
from deploy.local.errors import CheckFailed, StackError
from deploy.local.paths import Layout
from deploy.local.project import exclusive, project_stack
from deploy.local.stack import SERVICES, Stack
from loadtest.devices.host import device_name

_REDRAW_S = 1.0
_LINE_EVERY_S = 5.0
_LATER = ("train_models", "process_predictions", "mlflow")
"""Started when the first data have passed, which they would hold up by seconds: they take long to import."""
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
        stack = project_stack(os.environ, _variables)
        _run(stack, options, console, begin)
    except StackError as error:
        Console(stderr=True, highlight=False).print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("ended by Ctrl-C; the data stay for the next time, `make clean` deletes them", soft_wrap=True)
    return 0


def _variables(layout: Layout) -> Mapping[str, Mapping[str, str]]:
    sources = {"ingest_sources": demo_sources.environment(layout)}
    return {**sources, **demo_models.environment(layout), **demo_shop.environment()}


def _interrupt(number: int, frame: FrameType | None) -> None:
    # An impatient second Ctrl-C must not leave half of the stack running.
    for ending in _ENDING:
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt


def _run(stack: Stack, options: Options, console: Console, begin: float) -> None:
    problems = machine_problems(memory=len(stack.stopped()) == len(stack.components))
    for name in _LATER:
        problems += [] if stack.is_running(name) else port_problems(stack.component(name).ports, stack.host)
    if problems:
        raise CheckFailed(problems)

    def on_ready(name: str, took: float) -> None:
        console.print(f"{time.monotonic() - begin:5.1f} s  {name} is ready")

    with exclusive(stack):
        console.print("starting Kafka, Cassandra, mosquitto, Prometheus, PostgreSQL, RabbitMQ and the services")
        demo_sources.write_sources(stack)
        demo_models.write_models(stack)
        with (
            stack.running(*_soon(stack), on_ready=on_ready),
            publishing(stack, options.fleet),
            demo_sources.filling(stack),
            ExitStack() as later,
        ):

            def on_first_data() -> None:
                later.enter_context(demo_shop.shopping(stack, options.fleet.seed))
                later.enter_context(demo_models.asking(stack))
                for name in _LATER:
                    stack.start(name)

            register_types(stack, options.fleet.meters)
            _show(stack, options.seconds, console, begin, on_first_data)
            console.print("stopping what this command started")


def _soon(stack: Stack) -> list[str]:
    """What data pass, and the far ends of sources."""
    return [name for name in stack.usual() if name not in _LATER] + [*demo_sources.FAR_ENDS]


def _show(
    stack: Stack, seconds: float | None, console: Console, begin: float, on_first_data: Callable[[], None]
) -> None:
    urls = {name: stack.url(name) for name in SERVICES}
    gatherer = Gatherer(urls, demo_models.state_file(stack.layout), demo_shop.state_file(stack.layout))
    view = _View(stack, gatherer, console, begin, on_first_data)
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
    """What is drawn, and when the first data were seen in Cassandra, which `on_first_data` is told."""

    def __init__(
        self, stack: Stack, gatherer: Gatherer, console: Console, begin: float, on_first_data: Callable[[], None]
    ) -> None:
        self._on_first_data = on_first_data
        self._gatherer = gatherer
        self._console = console
        self._begin = begin
        self._first_stored: float | None = None
        self._shop = demo_shop.address(stack)
        self._addresses = {
            "API": stack.url("serve_api") + "/v1",
            "docs": stack.url("serve_api") + "/docs",
            "MLflow": stack.url("mlflow"),
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
            self._on_first_data()
        return Heading(time.monotonic() - self._begin, self._first_stored, self._addresses, self._shop)


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.local.demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, help="end after so many seconds of running")
    parser.add_argument("--meters", type=int, default=20, help="virtual water meters (20)")
    parser.add_argument("--speed", type=float, default=18_000, help="times real time; 18000 is 5 hours a second")
    parser.add_argument("--faults", type=float, default=0.005, help="share of steps that begin a fault (0.005)")
    parser.add_argument("--seed", type=int, default=1, help="of the injected faults and of the shoppers (1)")
    chosen = parser.parse_args(arguments)
    return Options(FleetOptions(chosen.meters, chosen.speed, chosen.faults, chosen.seed), chosen.seconds)


if __name__ == "__main__":
    sys.exit(main())
