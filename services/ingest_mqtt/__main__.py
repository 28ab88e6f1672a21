"""`python -m ingest_mqtt`: runs the bridge until SIGTERM."""

import sys

from headrace.errors import ConfigurationError
from headrace.logs import configure_logs
from ingest_mqtt.app import App
from ingest_mqtt.settings import Settings


def main() -> int:
    """Runs the bridge; 2 where a setting or file is wrong."""
    try:
        settings = Settings.load()
        configure_logs("ingest_mqtt", settings.log_level)
        App(settings).run()
    except ConfigurationError as error:
        print(f"ingest_mqtt: {error}", file=sys.stderr)  # noqa: T201 - the command's answer
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
