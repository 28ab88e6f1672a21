"""Reads the sums of experiments from their topic, and computes them again from the topics that they come from."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from headrace.errors import ConfigurationError, TransientError
from headrace.experiments.recomputed import Recomputation, note_totals
from headrace.interactions.records import RAW, TOTALS, ExperimentTotals
from headrace.kafka import headers_of_message
from headrace.range_reader import RangeReader, log_end
from headrace.replay.ordered_inputs import OrderedInputs
from headrace.replay.ranges import find_ranges
from headrace.replay.replayable import Replayable, find_replayable
from headrace.streams.topology import Stage

OnProgress = Callable[[int, int], None]
"""Told the partition and how many records of it are taken."""


def read_totals(brokers: str) -> list[ExperimentTotals]:
    """The newest of each key, all of what was committed before the call.

    Raises:
        ConfigurationError: there is no such topic.
        TransientError: the brokers don't answer, or a transaction stays open for half a minute.
    """
    found: dict[bytes, ExperimentTotals] = {}
    for partition, (first, _) in enumerate(find_ranges(brokers, [TOTALS], 0, None)[TOTALS]):
        with closing(RangeReader(brokers, TOTALS, partition)) as reader:
            reader.start(first, log_end(brokers, TOTALS, partition))
            while not reader.is_done:
                for message in reader.read():
                    note_totals(found, message.key() or b"", message.value(), headers_of_message(message))
    return list(found.values())


def recompute(brokers: str, on_progress: OnProgress) -> list[ExperimentTotals]:
    """The totals as the service that writes them would make them of all that the brokers have; writes nothing.

    Raises:
        ConfigurationError: that service isn't installed here, its settings are wrong, or a topic is missing.
        TransientError: the brokers don't answer, or delete what is being read.
    """
    service = find_replayable(RAW, brokers)
    stage = service.topology.stage_of(RAW)
    if TOTALS not in stage.outputs:
        raise ConfigurationError(f"the rules for {RAW} that are installed here don't write {TOTALS}")
    ranges = find_ranges(brokers, stage.inputs, 0, None)
    totals: list[ExperimentTotals] = []
    with _running(service) as check:
        for partition in range(len(ranges[RAW])):
            made = Recomputation(stage.rules)
            with closing(_inputs(brokers, stage, partition)) as inputs:
                places = {topic: ranges[topic][partition] for topic in stage.inputs}
                inputs.start({t: first for t, (first, _) in places.items()}, {t: end for t, (_, end) in places.items()})
                while not inputs.is_done:
                    check()
                    batch = inputs.read()
                    if batch is not None:
                        made.take(batch)
                        on_progress(partition, made.records)
            totals += made.totals.values()
    return totals


def _inputs(brokers: str, stage: Stage, partition: int) -> OrderedInputs:
    return OrderedInputs([RangeReader(brokers, topic, partition) for topic in stage.inputs])


@contextmanager
def _running(service: Replayable) -> Iterator[Callable[[], None]]:
    failures: list[BaseException] = []

    def check() -> None:
        if failures:
            raise TransientError(f"what the rules need ended: {failures[0]!r}") from failures[0]

    with service.running(failures.append):
        yield check
