"""Writes what operators say of anomalies to anomalies.feedback."""

from headrace.records import AnomalyFeedback, encode, headers_of, record_key
from serve_api.confirmed_writer import ConfirmedWriter

TOPIC = "anomalies.feedback"


class FeedbackWriter:
    """Feedback as records, under the keys of the anomalies' devices: it comes where their readings are."""

    def __init__(self, writer: ConfirmedWriter) -> None:
        self._writer = writer

    async def write(self, feedback: AnomalyFeedback) -> None:
        """Returns when Kafka has confirmed the record.

        Raises:
            DeliveryError: it did not in time; whether it is in the log is unknown. Writing it again is safe.
        """
        key = record_key(feedback.site, feedback.device)
        await self._writer.write(TOPIC, encode(feedback), key, headers_of(feedback))
