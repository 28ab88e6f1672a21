"""Checkpoints: what their record in the changelog says, when one is cut, and where a task starts after it."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from headrace.errors import ConfigurationError

RECORD_KEY = b"checkpoint"
CELL_PREFIX = b"="
"""Before every cell's key, so that no cell is taken for the checkpoint record."""
FORMAT = 1


class InputPosition(msgspec.Struct, frozen=True):
    """How far an input is processed; the topic's id tells a topic that was deleted and made again."""

    topic_id: str
    next_offset: int


class Checkpoint(msgspec.Struct, frozen=True):
    """The checkpoint record: of one partition, the positions in all inputs that the cells before it belong to."""

    inputs: dict[str, InputPosition]
    state_schema: str
    format: int = FORMAT


@dataclass(frozen=True)
class InputLog:
    """An input partition as the brokers have it."""

    topic_id: str
    log_start: int
    log_end: int | None = None


@dataclass(frozen=True)
class CheckpointPolicy:
    """When a checkpoint is cut. Each is a Kafka transaction, whose cost on the broker does not depend on its size.

    Attributes:
        min_interval_s: when input runs dry, a checkpoint comes so soon after the last one, not sooner.
        max_interval_s: so long after the first record, at latest.
        max_bytes: of outputs in the open transaction.
    """

    min_interval_s: float = 0.1
    max_interval_s: float = 0.2
    max_bytes: int = 8_000_000

    def wait_s(self, now: float, last: float, opened: float, size: int, is_dry: bool) -> float:
        """Seconds until a checkpoint is due, 0 where it is.

        Args:
            now, last, opened: monotonic seconds: now, of the last checkpoint's end, of the first record after it.
            size: bytes in the open transaction.
            is_dry: whether no input waits.
        """
        if size >= self.max_bytes:
            return 0.0
        latest = opened + self.max_interval_s
        return max(0.0, min(latest, last + self.min_interval_s) - now if is_dry else latest - now)


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """The value of the checkpoint record."""
    return msgspec.json.encode(checkpoint)


def decode_checkpoint(value: bytes) -> Checkpoint:
    """Reads a checkpoint record.

    Raises:
        ConfigurationError: it is none, or a later version of Headrace wrote it.
    """
    try:
        checkpoint = msgspec.json.decode(value, type=Checkpoint)
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"the changelog's checkpoint record can't be read: {error}") from error
    if checkpoint.format > FORMAT:
        raise ConfigurationError(
            f"the changelog's checkpoint record has format {checkpoint.format} and this version reads up to {FORMAT}: "
            "run the version that wrote it, or a later one"
        )
    return checkpoint


def start_positions(checkpoint: Checkpoint | None, inputs: Mapping[str, InputLog]) -> tuple[dict[str, int], int]:
    """Where a task starts in each input, and how many offsets before that the brokers have deleted unprocessed.

    Without a checkpoint, or for an input that is new since, it starts where the log starts.

    Raises:
        ConfigurationError: an input topic was deleted and made again, or ends before the position.
    """
    known = checkpoint.inputs if checkpoint else {}
    positions, lost = {}, 0
    for topic, log in inputs.items():
        position = known.get(topic)
        if position and position.topic_id != log.topic_id:
            raise ConfigurationError(
                f"topic {topic} is not the one that the state belongs to (id {log.topic_id}, the checkpoint has "
                f"{position.topic_id}): it was deleted and made again. Delete the changelog to start with an empty "
                "state, or bring the topic back"
            )
        start = position.next_offset if position else log.log_start
        if log.log_end is not None and start > log.log_end:
            raise ConfigurationError(
                f"topic {topic} ends at {log.log_end} and the checkpoint is at {start}: the brokers lost records that "
                "were processed, as an unclean leader election does. Bring them back, or delete the changelog to start "
                "with an empty state"
            )
        positions[topic] = max(start, log.log_start)
        lost += positions[topic] - start
    return positions, lost
