"""The native stack from the terminal: `python -m deploy.local up`."""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Sequence

from rich.console import Console

from deploy.local import checks, demo, follow, foreground, jars
from deploy.local.errors import CheckFailed, StackError
from deploy.local.project import exclusive, project_stack
from deploy.local.stack import Stack
from deploy.local.status import status_table


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["demo"]:
        return demo.main(given[1:])
    chosen = _parser().parse_args(given)
    console = Console(highlight=False)
    try:
        return _run(chosen, console)
    except StackError as error:
        Console(stderr=True, highlight=False).print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start components (unnamed: all but the optional) and what they require")
    up.add_argument("--fresh", action="store_true", help="stop everything and delete all data first")
    up.add_argument("component", nargs="*")
    commands.add_parser("demo", help="everything, with devices that publish and a live view; `demo --help` has more")
    commands.add_parser("down", help="stop everything the stack started, and only that")
    commands.add_parser("status", help="show what runs")
    logs = commands.add_parser("logs", help="show the end of a component's log")
    logs.add_argument("component")
    logs.add_argument("-f", "--follow", action="store_true", help="go on with what is added")
    logs.add_argument("-n", "--lines", type=int, default=100)
    run = commands.add_parser("run", help="run one component in the foreground with what it requires")
    run.add_argument("component")
    commands.add_parser("check", help="say what keeps the stack from running here")
    commands.add_parser("jars", help="fetch and verify Kafka's and Cassandra's jars")
    commands.add_parser("lock-jars", help="write jars.sha256 anew after a change of pom.xml")
    return parser


def _run(chosen: argparse.Namespace, console: Console) -> int:
    if chosen.command == "lock-jars":
        jars.write_checksums()
    elif chosen.command == "jars":
        for jar_set in jars.SETS:
            jars.ensure(jar_set)
    else:
        return _run_on(project_stack(os.environ), chosen, console)
    return 0


def _run_on(stack: Stack, chosen: argparse.Namespace, console: Console) -> int:
    if chosen.command == "up":
        _up(stack, chosen.component, chosen.fresh, console)
    elif chosen.command == "down":
        with exclusive(stack):
            stack.stop()
    elif chosen.command == "status":
        console.print(status_table(stack))
    elif chosen.command == "logs":
        for text in follow.read(stack.log_path(chosen.component), chosen.lines, chosen.follow):
            console.print(text, end="", markup=False, soft_wrap=True)
    elif chosen.command == "run":
        _raise(_machine_problems(stack))
        return foreground.run(stack, chosen.component)
    elif chosen.command == "check":
        _check(stack)
        console.print("nothing keeps the stack from running here")
    return 0


def _up(stack: Stack, components: Sequence[str], fresh: bool, console: Console) -> None:
    with exclusive(stack):
        if fresh:
            stack.stop()
            stack.wipe()
        stopped = stack.stopped()
        _raise(_machine_problems(stack))
        stack.up(
            *components,
            on_ready=lambda name, took: console.print(
                f"{name} ready after {took:.1f} s" if name in stopped else f"{name} runs"
            ),
        )


def _check(stack: Stack) -> None:
    """Raises CheckFailed with every problem; a port that the stack holds is none, nor is an optional component's."""
    stopped = [name for name in stack.stopped() if name in stack.usual()]
    ports = (checks.port_problems(stack.components[name].ports, stack.host) for name in stopped)
    _raise([*_machine_problems(stack), *itertools.chain.from_iterable(ports)])


def _machine_problems(stack: Stack) -> list[str]:
    """Memory counts only while nothing runs: a running stack has taken its own."""
    return checks.machine_problems(memory=len(stack.stopped()) == len(stack.components))


def _raise(problems: list[str]) -> None:
    if problems:
        raise CheckFailed(problems)


if __name__ == "__main__":
    sys.exit(main())
