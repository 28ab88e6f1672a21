"""The `headrace` command: one entry for all tools; installed services add theirs by an entry point."""

import logging
import sys
from importlib.metadata import EntryPoint, entry_points

import typer

from headrace.errors import HeadraceError
from headrace.logs import KAFKA_LOGGER

GROUP = "headrace.commands"


def build_cli() -> typer.Typer:
    """Puts the commands of all installed services under one program."""
    cli = typer.Typer(
        name="headrace",
        help="Tools of the Headrace pipeline. Each command shows an example with --help.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )

    @cli.callback()
    def root() -> None:
        """Tools of the Headrace pipeline. Each command shows an example with --help."""

    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        _add(cli, entry)
    return cli


def _add(cli: typer.Typer, entry: EntryPoint) -> None:
    try:
        command = entry.load()
    except ModuleNotFoundError:
        # The service is not installed here: its extra is missing, and so is its command.
        return
    if isinstance(command, typer.Typer):
        cli.add_typer(command, name=entry.name)
    else:
        cli.command(name=entry.name)(command)


def main() -> None:
    """Runs the command line; an expected error is one line, not a stack, nor what Kafka's client says before it."""
    logging.getLogger(KAFKA_LOGGER).setLevel(logging.CRITICAL)
    try:
        build_cli()()
    except HeadraceError as error:
        print(f"headrace: {error}", file=sys.stderr)  # noqa: T201 - a command's answer
        sys.exit(1)
