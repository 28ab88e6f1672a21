"""Which subjects are erased: follows the whole of the compacted topic `subjects.erased`, and tells each new one."""

import logging
import threading
from array import array
from collections.abc import Callable

from confluent_kafka import Message

from headrace.crash import crash
from headrace.errors import TransientError
from headrace.followed_topic import FollowedTopic, OnFailure
from headrace.interactions.records import ERASED, EXPOSURES, FEATURES, LESSONS, MADE, RAW, SESSIONS

KEYED_BY_SUBJECT = frozenset({RAW, MADE, FEATURES, SESSIONS, LESSONS, EXPOSURES})
"""The topics whose records are about a subject each, which is their key; versions of them end in `.VERSION`."""
OnErased = Callable[[str], None]
_TIMEOUT_S = 10.0
_LONGEST_S = 160.0
_PAUSE_S = 1.0
_STOP_S = _TIMEOUT_S + 1.0
_log = logging.getLogger(__name__)


class ErasedSubjects:
    """All subjects that were ever erased, some 100 bytes of memory for each. Any thread may ask.

    A subject's id is random and used once, so one that is here stays here.

    Args:
        on_failure: told what ended the following; by default the process ends, as it would go on with erased subjects.
    """

    def __init__(self, brokers: str, on_failure: OnFailure = crash) -> None:
        self._brokers = brokers
        self._on_failure = on_failure
        self._erased: set[str] = set()
        self._moments = array("q")
        self._moments_lock = threading.Lock()
        self._told: list[OnErased] = []
        self._topic: FollowedTopic | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_read = False
        self._timeout = _TIMEOUT_S

    @property
    def is_read(self) -> bool:
        """Whether all that was erased before this process began is known."""
        return self._is_read

    def __len__(self) -> int:
        return len(self._erased)

    def is_erased(self, subject: str) -> bool:
        """Whether nothing of this subject is to be used any more."""
        return subject in self._erased

    def add(self, subject: str, moment: int | None = None) -> None:
        """Notes one.

        Args:
            moment: when its record was appended, microseconds UTC; None before the topic tells it.
        """
        if moment is not None:
            with self._moments_lock:
                self._moments.append(moment)
        if subject not in self._erased:
            self._erased.add(subject)
            for tell in self._told:
                tell(subject)

    def when_erased(self, tell: OnErased) -> None:
        """Has each subject told, once, when it is known; `is_erased` is true of it by then. On any thread."""
        self._told.append(tell)

    def oldest_since(self, moment: int) -> int | None:
        """When the first subject was erased at or after a moment that only grows, both in microseconds UTC."""
        with self._moments_lock:
            self._moments = array("q", [each for each in self._moments if each >= moment])
            return min(self._moments, default=None)

    def start(self, timeout: float | None = None) -> None:
        """Reads to the present end, then goes on in the background; does nothing when that is done already.

        Args:
            timeout: seconds for it; ten unless set, and after each failure twice as many.

        Raises:
            TransientError: the brokers did not give the whole topic in time.
        """
        if self._topic is not None:
            return
        topic = FollowedTopic(self._brokers, ERASED, self._take, self._on_failure)
        try:
            topic.start(timeout or self._timeout)
        except BaseException:
            topic.stop()
            self._timeout = min(2 * self._timeout, _LONGEST_S)
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
        self.add((message.key() or b"").decode(errors="replace"), 1_000 * message.timestamp()[1])


def is_keyed_by_subject(topic: str) -> bool:
    """Whether a topic's records are about a subject each, also in a version of it that a replay made."""
    return any(topic == name or topic.startswith(f"{name}.") for name in KEYED_BY_SUBJECT)


def read_erased(brokers: str, timeout: float = _TIMEOUT_S) -> frozenset[str]:
    """The subjects that are erased now.

    Raises:
        TransientError: the brokers did not give the whole topic within `timeout` seconds.
    """
    erased = ErasedSubjects(brokers)
    erased.start(timeout)
    erased.stop()
    return frozenset(erased._erased)
