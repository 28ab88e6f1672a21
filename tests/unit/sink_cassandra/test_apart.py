"""A runner on its own thread: what ends it is seen, and it is run again."""

from collections.abc import Sequence

from headrace.clock import SystemClock
from headrace.errors import TransientError
from headrace.kafka import OnPartitions
from headrace.refusal import Refusal
from headrace.sink import Sink, SinkConsumer, SinkRunner
from headrace.streams.batch import Batch
from headrace.testing import FakeProducer, wait_until
from sink_cassandra.sources.apart import RunnerApart


class NeverReady(Sink):
    """Ends its runner at first, then can't connect."""

    def __init__(self) -> None:
        self.setups = 0

    def setup(self) -> None:
        self.setups += 1
        raise RuntimeError("a bug") if self.setups == 1 else TransientError("away")

    def write(self, batches: Sequence[Batch]) -> Sequence[Refusal]:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""


def open_nothing(on_assign: OnPartitions, on_revoke: OnPartitions) -> SinkConsumer:
    raise NotImplementedError


def test_an_error_that_ends_a_run_shows_in_readiness_and_the_next_run_begins() -> None:
    sink = NeverReady()
    runner = SinkRunner(sink, open_nothing, FakeProducer(), "test.write", SystemClock())
    apart = RunnerApart(runner, "test", SystemClock(), again=0.01)
    apart.start()
    wait_until(lambda: sink.setups > 2, "the next run")
    assert apart.problem(10.0) == "RuntimeError('a bug')"
    assert runner.progress.retries >= 2
    apart.stop()
    assert apart.join(30)
