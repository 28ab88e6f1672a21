"""An engine as the Faust app sees it: what it asks and what it tells."""

from collections.abc import Mapping

from headrace.streams.engine import Epoch, Partition


class Engine:
    """What the app asks and tells."""

    def __init__(self) -> None:
        self.wanted: dict[Partition, Epoch] = {("in", 0): (1, 0)}
        self.committed: dict[Partition, int] = {}
        self.truncated: dict[Partition, int] = {}
        self.calls: list[str] = []

    async def drain(self) -> None:
        self.calls.append("drained")

    def note_truncated(self, missing: Mapping[Partition, int]) -> None:
        self.truncated.update(missing)
