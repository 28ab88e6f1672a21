"""`python -m serve_api`: serves the API until SIGTERM or SIGINT."""

import logging
import sys

from headrace.errors import ConfigurationError
from headrace.logs import configure_logs
from serve_api.app import build_app
from serve_api.server import build_server
from serve_api.settings import Settings


def _quieten_libraries() -> None:
    # Both tell at length, with stacks, what the service says in a line of its own.
    logging.getLogger("cassandra").setLevel(logging.CRITICAL)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def main() -> int:
    """Runs the service; 2 says that a setting or file is wrong."""
    configure_logs("serve_api")
    try:
        settings = Settings.load()
        configure_logs("serve_api", settings.log_level)
        _quieten_libraries()
        server = build_server(build_app(settings), settings)
    except ConfigurationError as error:
        print(f"serve_api: {error}", file=sys.stderr)  # noqa: T201 - for the person who starts it
        return 2
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
