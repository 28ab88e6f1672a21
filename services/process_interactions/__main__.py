"""Runs process_interactions: `python -m process_interactions`."""

import sys

from headrace.errors import ConfigurationError
from process_interactions.app import run
from process_interactions.settings import Settings


def main() -> int:
    """Reads the settings and runs until told to stop."""
    try:
        return run(Settings.load())
    except ConfigurationError as error:
        print(f"process_interactions: {error}", file=sys.stderr)  # noqa: T201 - the log is not configured yet
        return 2


if __name__ == "__main__":
    sys.exit(main())
