"""Python's collector of cycles, for processes that hold many objects that are no garbage."""

import gc

_THRESHOLDS = (100_000, 50, 100)


def relax_collector() -> None:
    """Lets it walk seldom.

    At its usual rate it takes 8 % of process_readings' time, 10 % of a source's, and holds every answer of serve_api
    up for 140 ms a second where it has 50,000 items in memory.
    """
    gc.set_threshold(*_THRESHOLDS)
