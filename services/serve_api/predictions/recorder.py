"""Predictions and outcomes as records in Kafka."""

from collections.abc import Sequence

from headrace.errors import DeliveryError
from headrace.models.records import MADE, OUTCOMES, Outcome, Prediction
from headrace.records import encode, headers_of
from serve_api.confirmed_writer import ConfirmedWriter
from serve_api.problems import Problem, unavailable

MAX_RECORD_BYTES = 900_000
"""Kafka takes a little more."""


class Recorder:
    """Writes them under the prediction's id, so that both are in partitions of the same number."""

    def __init__(self, writer: ConfirmedWriter) -> None:
        self._writer = writer

    async def predictions(self, made: Sequence[Prediction]) -> None:
        """Returns when Kafka has confirmed all.

        Raises:
            Problem: it did not in time, so it is unknown whether they count.
        """
        await self._write(MADE, made, "the prediction is not answered, since nobody could join it with its outcome")

    async def outcomes(self, come: Sequence[Outcome]) -> None:
        """Returns when Kafka has confirmed all.

        Raises:
            Problem: it did not in time, so it is unknown whether they count.
        """
        await self._write(OUTCOMES, come, "sent again with the same id an outcome counts once")

    async def _write(self, topic: str, records: Sequence[Prediction] | Sequence[Outcome], then: str) -> None:
        entries = [(record.id.encode(), encode(record)) for record in records]
        if max(len(value) for _, value in entries) > MAX_RECORD_BYTES:
            raise Problem(413, "too-large", "Content Too Large", f"a row may have {MAX_RECORD_BYTES} bytes at most")
        try:
            await self._writer.write_all(topic, entries, headers_of(records[0]))
        except DeliveryError:
            raise unavailable(f"Kafka did not confirm it in time; {then}", kind="unconfirmed") from None
