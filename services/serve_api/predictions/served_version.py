"""One loaded version of a model, ready to answer requests."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor

from headrace.models.loaded_version import LoadedVersion
from headrace.models.scorer import Reason, Row
from serve_api.predictions.micro_batches import MicroBatches, Scored, score_rows

MAX_INLINE_ROWS = 64
"""More at once are scored on a thread, so that other requests don't wait for them."""


class ServedVersion(LoadedVersion):
    """A version with what answers many requests at once.

    Args:
        executor: scores many rows.
    """

    def __init__(self, loaded: LoadedVersion, executor: Executor) -> None:
        super().__init__(loaded.version, loaded.model, loaded.card)
        self._batches = MicroBatches(loaded.model.predict)
        self._executor = executor

    async def score(self, rows: Sequence[Row]) -> Scored:
        """Scores and decisions of rows that its `rows` has read.

        Raises:
            Unscored: the model can't score one of them.
        """
        if len(rows) <= MAX_INLINE_ROWS:
            return await self._batches.score(rows)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, score_rows, self.model.predict, rows)

    async def reasons(self, rows: Sequence[Row], top: int) -> list[list[Reason]]:
        """The inputs that moved each row's score most; one row costs as many runs as the model has inputs."""
        if len(rows) * len(self.manifest.inputs) <= MAX_INLINE_ROWS:
            return self.model.reasons(rows, top)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self.model.reasons, rows, top)
