"""What a decoder knows of a raw record besides its format."""

from datetime import tzinfo

from headrace import raw


class Source:
    """One raw record, with its headers read.

    Attributes:
        received: microseconds UTC at which the edge took the record.
        metric: the metric that the topic names, or None.
        message_id: the sender's own id of the message, or None.
        zone: what a time without a zone is in.
    """

    __slots__ = ("device", "message_id", "metric", "offset", "partition", "received", "site", "topic", "value", "zone")

    def __init__(
        self,
        value: bytes,
        site: str,
        device: str,
        headers: dict[str, bytes],
        origin: tuple[str, int, int],
        now_us: int,
        zone: tzinfo,
    ) -> None:
        self.value = value
        self.site = site
        self.device = device
        self.topic, self.partition, self.offset = origin
        self.zone = zone
        received = headers.get(raw.RECEIVED)
        self.received = now_us if received is None else _time_of(received, now_us)
        metric = headers.get(raw.METRIC)
        self.metric = metric.decode(errors="replace") if metric else None
        message_id = headers.get(raw.MESSAGE_ID)
        self.message_id = message_id.decode(errors="replace") if message_id else None


def _time_of(received: bytes, otherwise: int) -> int:
    try:
        time = int(received)
    except ValueError:
        return otherwise
    return time if 0 <= time < _INT64_END else otherwise


_INT64_END = 2**63
