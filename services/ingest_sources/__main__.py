"""`python -m ingest_sources`: runs all sources until SIGTERM."""

import sys

from headrace.errors import ConfigurationError
from headrace.logs import configure_logs
from ingest_sources.all_sources import AllSources
from ingest_sources.settings import Settings


def main() -> int:
    """Runs the sources; 2 where a setting or file is wrong."""
    try:
        settings = Settings.load()
        configure_logs("ingest_sources", settings.log_level)
        AllSources(settings).run()
    except ConfigurationError as error:
        print(f"ingest_sources: {error}", file=sys.stderr)  # noqa: T201 - the command's answer
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
