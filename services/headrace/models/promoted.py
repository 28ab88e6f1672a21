"""Which versions of each model run: follows the compacted topic `models.promoted`."""

import logging
from collections.abc import Callable

from confluent_kafka import Message

from headrace.errors import TerminalError
from headrace.followed_topic import FollowedTopic, OnFailure
from headrace.kafka import headers_of_message
from headrace.models.records import PROMOTED, Change, Promotion, Withdrawal
from headrace.records import decode

OnChange = Callable[[Change], None]
log = logging.getLogger(__name__)


class PromotedModels:
    """The newest promotion of every model.

    Args:
        on_change: told the promotion of each model: by `start` those that stand, once each, on the caller's thread;
            then each change, on another thread, about a tenth of a second after it was committed. A model whose record
            was deleted is withdrawn.
        on_failure: told what ended the thread: an error of `on_change`, or one of Kafka's that waiting doesn't mend.
    """

    def __init__(self, brokers: str, on_change: OnChange, on_failure: OnFailure) -> None:
        self._topic = FollowedTopic(brokers, PROMOTED, self._take, on_failure, self._withdraw)
        self._on_change = on_change
        self._newest: dict[str, Promotion] = {}
        self._has_started = False
        self._undecodable: set[bytes | None] = set()

    @property
    def undecodable(self) -> int:
        """How many models have a newest record that this version can't read; what stood before it goes on."""
        return len(self._undecodable)

    def get(self, name: str) -> Promotion | None:
        """Of a model, or None: no version of it is promoted."""
        return self._newest.get(name)

    def names(self) -> list[str]:
        """The models of which a version is promoted."""
        return sorted(self._newest)

    def start(self, timeout: float) -> None:
        """Reads to the present end, tells what stands, then goes on in the background.

        Raises:
            TransientError: the brokers did not give the whole topic within `timeout` seconds.
        """
        self._topic.start(timeout, before_following=self._tell_all)

    def stop(self) -> None:
        """Ends the thread; nothing is told after this."""
        self._topic.stop()

    def _tell_all(self) -> None:
        self._has_started = True
        for promotion in self._newest.values():
            self._on_change(promotion)

    def _take(self, message: Message) -> None:
        try:
            record = decode(message.value(), headers_of_message(message))
        except TerminalError as error:
            # A later version's record: what this process has of that model goes on.
            self._undecodable.add(message.key())
            log.error("promotion skipped", extra={"offset": message.offset(), "problem": str(error)})
            return
        if isinstance(record, Promotion):
            self._undecodable.discard(message.key())
            self._newest[record.name] = record
            if self._has_started:
                self._on_change(record)

    def _withdraw(self, message: Message) -> None:
        key = message.key()
        self._undecodable.discard(key)
        name = "" if key is None else key.decode(errors="replace")
        if self._newest.pop(name, None) is not None and self._has_started:
            self._on_change(Withdrawal(name))
