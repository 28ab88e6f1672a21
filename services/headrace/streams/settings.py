"""The settings that every processor has."""

from pydantic import Field

from headrace.settings import ServiceSettings
from headrace.streams.checkpoint import CheckpointPolicy


class ProcessorSettings(ServiceSettings):
    """Of a worker of the stream engine: its batches, its checkpoints, and when it counts as stuck."""

    max_batch_records: int = Field(2_000, ge=1, le=50_000, description="Most records in one batch")
    checkpoint_min_ms: float = Field(
        100.0, gt=0, description="Milliseconds between two checkpoints of a task when no more input waits"
    )
    checkpoint_max_ms: float = Field(200.0, gt=0, description="Milliseconds between two checkpoints of a busy task")
    stuck_after_s: float = Field(
        120.0, gt=0, description="Seconds that one batch may take before the process says that it is stuck"
    )

    def checkpoint_policy(self) -> CheckpointPolicy:
        """When its tasks' checkpoints are cut."""
        return CheckpointPolicy(self.checkpoint_min_ms / 1_000, self.checkpoint_max_ms / 1_000)
