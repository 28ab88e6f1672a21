"""Delivers what a feed has now, as `headrace sources run` does, and can kill itself at a step.

Usage: python feed_process.py NAME SILENCE_S [STEP COUNT]; the settings are in the environment. It ends after one run of
a source that is polled, or when a stream gave nothing for SILENCE_S; SIGTERM ends it after the part that is delivered.
"""

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

from headrace.errors import TransientError
from headrace.logs import configure_logs
from headrace.streams.task import no_step
from headrace.testing import kill_at
from ingest_sources.app import FeedParts
from ingest_sources.feeds.feed_source import FeedSource, PolledSource
from ingest_sources.settings import Settings
from ingest_sources.source import load_source

R = TypeVar("R")


def main(name: str, silence_s: str, step: str = "", count: str = "1") -> int:
    configure_logs("ingest_sources", "INFO")
    settings = Settings.load()
    source = load_source(settings.sources / f"{name}.yaml")
    if not isinstance(source, FeedSource):
        raise TypeError(f"{name} is no feed")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: _end(stop, frame))
    parts = FeedParts(settings, source, stop, on_step=kill_at(step, int(count)) if step else no_step)
    run = _until_done(parts.start, stop)
    if run is not None:
        patience = None if isinstance(source, PolledSource) else float(silence_s)
        _until_done(lambda: run.run_once(patience), stop)
    return 0


def _end(stop: threading.Event, frame: FrameType | None) -> None:
    stop.set()


def _until_done(call: Callable[[], R], stop: threading.Event) -> R | None:
    while not stop.is_set():
        try:
            return call()
        except TransientError:
            stop.wait(0.2)
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
