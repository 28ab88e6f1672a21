"""What a compacted topic of one partition holds: the newest record of each key."""

from contextlib import closing

from confluent_kafka import Message

from headrace.range_reader import RangeReader, log_end


def read_compacted(brokers: str, topic: str, prefix: bytes = b"") -> dict[bytes, Message]:
    """The newest records of keys that begin so, all of what was committed before the call; waits for open transactions.

    Raises:
        TransientError: the brokers don't answer, or a transaction stays open for half a minute.
    """
    found: dict[bytes, Message] = {}
    with closing(RangeReader(brokers, topic, 0)) as reader:
        reader.start(reader.bounds()[0], log_end(brokers, topic, 0))
        while not reader.is_done:
            for message in reader.read():
                key = message.key() or b""
                if message.value() is None:
                    found.pop(key, None)
                elif key.startswith(prefix):
                    found[key] = message
    return found
