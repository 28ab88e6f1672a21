"""Runs process_readings: `python -m process_readings`."""

import sys

from headrace.errors import ConfigurationError
from process_readings.app import run
from process_readings.settings import Settings


def main() -> int:
    """Reads the settings and runs until told to stop."""
    try:
        return run(Settings.load())
    except ConfigurationError as error:
        print(f"process_readings: {error}", file=sys.stderr)  # noqa: T201 - the log is not configured yet
        return 2


if __name__ == "__main__":
    sys.exit(main())
