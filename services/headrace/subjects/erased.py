"""Which subjects are erased: follows the whole of the compacted topic `subjects.erased`, and tells each new one."""

import logging
import threading
from collections.abc import Callable

from confluent_kafka import Message

from headrace.crash import crash
from headrace.errors import TransientError
from headrace.followed_topic import FollowedTopic, OnFailure
from headrace.interactions.records import ERASED, EXPOSURES, FEATURES, LESSONS, MADE, RAW, SESSIONS

KEYED_BY_SUBJECT = frozenset({RAW, MADE, FEATURES, SESSIONS, LESSONS, EXPOSURES})
"""The topics whose records are about a subject each, which is their key."""
OnErased = Callable[[str], None]
_TIMEOUT_S = 10.0
_PAUSE_S = 1.0
_STOP_S = _TIMEOUT_S + 1.0
_log = logging.getLogger(__name__)


class ErasedSubjects:
    """All subjects that were ever erased, some 90 bytes of memory for each. Any thread may ask.

    A subject's id is random and used once, so one that is here stays here.

    Args:
        on_failure: told what ended the following; by default the process ends, as it would go on with erased subjects.
    """

    def __init__(self, brokers: str, on_failure: OnFailure = crash) -> None:
        self._brokers = brokers
        self._on_failure = on_failure
        self._erased: set[str] = set()
        self._told: list[OnErased] = []
        self._topic: FollowedTopic | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_read = False

    @property
    def is_read(self) -> bool:
        """Whether all that was erased before this process began is known."""
        return self._is_read

    def __len__(self) -> int:
        return len(self._erased)

    def is_erased(self, subject: str) -> bool:
        """Whether nothing of this subject is to be used any more."""
        return subject in self._erased

    def add(self, subject: str) -> None:
        """Notes one that the caller knows of before the topic tells it."""
        if subject not in self._erased:
            self._erased.add(subject)
            for tell in self._told:
                tell(subject)

    def when_erased(self, tell: OnErased) -> None:
        """Has each subject told, once, when it is known; `is_erased` is true of it by then. On any thread."""
        self._told.append(tell)

    def start(self, timeout: float = _TIMEOUT_S) -> None:
        """Reads to the present end, then goes on in the background; does nothing when that is done already.

        Raises:
            TransientError: the brokers did not give the whole topic within `timeout` seconds.
        """
        if self._topic is not None:
            return
        topic = FollowedTopic(self._brokers, ERASED, self._take, self._on_failure)
        try:
            topic.start(timeout)
        except BaseException:
            topic.stop()
            raise
        self._topic = topic
        self.note_read()

    def note_read(self) -> None:
        """Says that all erasures until now were told by `add`."""
        self._is_read = True

    def start_in_background(self) -> None:
        """The same from whenever Kafka is there, on a thread of its own."""
        self._thread = threading.Thread(target=self._start_until_it_works, name=f"reads {ERASED}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the following; what is known stays."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)
        if self._topic is not None:
            self._topic.stop()

    def _start_until_it_works(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    self.start()
                    return
                except TransientError as error:
                    _log.warning("erased subjects can't be read yet", extra={"problem": str(error)})
                    self._stopping.wait(_PAUSE_S)
        except BaseException as error:
            self._on_failure(error)

    def _take(self, message: Message) -> None:
        self.add((message.key() or b"").decode(errors="replace"))


def read_erased(brokers: str, timeout: float = _TIMEOUT_S) -> frozenset[str]:
    """The subjects that are erased now.

    Raises:
        TransientError: the brokers did not give the whole topic within `timeout` seconds.
    """
    erased = ErasedSubjects(brokers)
    erased.start(timeout)
    erased.stop()
    return frozenset(erased._erased)
