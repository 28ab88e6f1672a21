"""`python -m train_models`: trains models again when their files say so, until SIGTERM."""

import sys

from headrace.errors import ConfigurationError
from headrace.logs import configure_logs
from train_models.app import retrainer
from train_models.settings import Settings


def main() -> int:
    """Runs the retraining; 2 where a setting or model file is wrong."""
    try:
        settings = Settings.load()
        configure_logs("train_models", settings.log_level)
        made, health = retrainer(settings)
        made.run(health)
    except ConfigurationError as error:
        print(f"train_models: {error}", file=sys.stderr)  # noqa: T201 - the command's answer
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
