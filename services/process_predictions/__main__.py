"""Runs process_predictions: `python -m process_predictions`."""

import sys

from headrace.errors import ConfigurationError
from process_predictions.app import run
from process_predictions.settings import Settings


def main() -> int:
    """Reads the settings and runs until told to stop."""
    try:
        return run(Settings.load())
    except ConfigurationError as error:
        print(f"process_predictions: {error}", file=sys.stderr)  # noqa: T201 - the log is not configured yet
        return 2


if __name__ == "__main__":
    sys.exit(main())
