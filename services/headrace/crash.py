"""Ends a process that can't go on without doing harm."""

import logging
import os

EXIT_CRASHED = 70
log = logging.getLogger(__name__)


def crash(error: BaseException) -> None:
    """Ends the process at once, without a commit: the next one starts from what is committed."""
    log.critical("the process ends without a commit", exc_info=error)
    logging.shutdown()
    os._exit(EXIT_CRASHED)
