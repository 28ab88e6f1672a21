"""A runner on a thread of its own, whose failures cost nobody else."""

import logging
import threading

from headrace.clock import Clock
from headrace.sink import SinkRunner, is_writing

AGAIN_S = 10.0
SETTLED_S = 30.0
"""A run that goes on for so long has left behind what ended the one before."""
log = logging.getLogger(__name__)


class RunnerApart:
    """Runs a runner again after an error that ends it: nothing of it was committed.

    A process that ended instead, as others of Headrace do, would end what else runs in it.

    Args:
        again: seconds after which it is run again.
    """

    def __init__(self, runner: SinkRunner, name: str, clock: Clock, again: float = AGAIN_S) -> None:
        self._runner = runner
        self.progress = runner.progress
        self._clock = clock
        self._again = again
        self._stopping = threading.Event()
        self._problem: str | None = None
        self._begun: float | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Lets it end after the write in hand; may be called from a signal handler or another thread."""
        self._stopping.set()
        self._runner.stop()

    def join(self, timeout: float) -> bool:
        """Waits for its end and says whether it has come."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def problem(self, longest: float) -> str | None:
        """A readiness check: nothing has ended it lately, and it isn't held back for longer than `longest` seconds."""
        begun = self._begun
        if self._problem is not None and (begun is None or self._clock.monotonic() - begun < SETTLED_S):
            return self._problem
        return is_writing(self.progress, self._clock, longest)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._begun = self._clock.monotonic()
            try:
                self._runner.run()
            except Exception as error:
                self._problem, self._begun = repr(error), None
                self.progress.retries += 1
                log.error("rows of sources are not written", exc_info=error)
                self._stopping.wait(self._again)
