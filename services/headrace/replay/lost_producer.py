"""Says what it means for a replay that its producer was fenced or got no answer."""

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.errors import TransientError
from headrace.streams.transaction import ProducerLost


@contextmanager
def explained() -> Iterator[None]:
    """Turns `ProducerLost` into an error for the person at the command line."""
    try:
        yield
    except ProducerLost as error:
        raise TransientError(
            f"{error}: another process has taken the replay over, or Kafka gave no answer to a commit; nothing is "
            "wrong, and the same command goes on from the last checkpoint"
        ) from error
