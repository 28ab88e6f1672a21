"""How far the live workers have come, once nobody can write in their place."""

from collections.abc import Mapping

from headrace.errors import ConfigurationError
from headrace.replay.groups import Group, Partition
from headrace.replay.plan import Ranges
from headrace.replay.ranges import find_ranges
from headrace.replay.replayable import Replay
from headrace.streams.changelog import KafkaLogs


def live_position(replay: Replay) -> dict[Partition, int]:
    """Where the live tasks go on in each partition of the outer inputs.

    It is what their last checkpoint says, or the log's start. They must be fenced before.

    Raises:
        ConfigurationError: the group is ahead of it, so the workers ran with another version.
    """
    inputs = replay.service.inputs()
    starts: Ranges = find_ranges(replay.brokers, inputs, 0, None)
    position = {(topic, number): low for topic in inputs for number, (low, _) in enumerate(starts[topic])}
    logs = KafkaLogs(replay.brokers)
    for stage in replay.live.stages:
        for topic in set(stage.inputs) & set(inputs):
            for number in range(len(starts[topic])):
                checkpoint = logs.read_changelog(stage.changelog, number, {})
                if checkpoint and topic in checkpoint.inputs:
                    position[topic, number] = checkpoint.inputs[topic].next_offset
    _check_group(replay, position)
    return position


def _check_group(replay: Replay, position: Mapping[Partition, int]) -> None:
    """A worker commits offsets of its checkpoints, so none is ahead of them but by a later version."""
    service = replay.service
    for (topic, number), offset in Group(replay.brokers, replay.live.name).committed(position).items():
        if offset > position[topic, number]:
            raise ConfigurationError(
                f"group {replay.live.name} is at {offset} of {topic}-{number}, and the state of version "
                f"{service.version or '(none)'} at {position[topic, number]}: give this command the same "
                f"{service.setting} as the workers had"
            )


def check_covers(ranges: Ranges, position: Mapping[Partition, int]) -> None:
    """Raises ConfigurationError where records between the live position and the replay's begin were nobody's."""
    for (topic, number), offset in position.items():
        start = ranges[topic][number][0]
        if start > offset:
            raise ConfigurationError(
                f"the replay begins at {start} of {topic}-{number}, and the live workers are at {offset}: the records "
                "between would be processed by nobody; let the workers come so far, or replay from earlier"
            )
