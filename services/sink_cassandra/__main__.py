"""`python -m sink_cassandra` runs the sink; `python -m sink_cassandra migrate` makes or updates the tables first."""

import argparse
import sys

from headrace.errors import HeadraceError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sink_cassandra", description=__doc__)
    parser.add_argument("command", nargs="?", choices=("run", "migrate"), default="run")
    command = parser.parse_args().command
    try:
        _run(command)
    except HeadraceError as error:
        print(f"sink_cassandra: {error}", file=sys.stderr)  # noqa: T201 - a command's answer
        return 1
    return 0


def _run(command: str) -> None:
    from sink_cassandra.settings import Settings

    settings = Settings.load()
    if command == "migrate":
        from sink_cassandra.migrate import migrate

        applied = migrate(settings)
        print(f"applied {', '.join(applied)}" if applied else "all migrations are applied")  # noqa: T201 - its answer
    else:
        from sink_cassandra.app import run

        run(settings)


if __name__ == "__main__":
    sys.exit(main())
