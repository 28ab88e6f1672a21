"""Follows promotions from whenever Kafka is there; readings are served before that."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from headrace.errors import TransientError
from headrace.models.model_loading import ModelLoading
from headrace.models.records import Change, Promotion
from serve_api.predictions.deployments import Deployments

FIRST_LOAD_S = 15.0
"""How long a starting process may say that it isn't ready for its models' sake.

Where promotions can't be read, since Kafka is away or a transaction hangs in their topic, the process is ready after
it all the same: it serves readings, and answers 503 about models.
"""
_TOPIC_S = 5.0
_PAUSE_S = 1.0
_STOP_S = 5.0
_logger = logging.getLogger(__name__)

OnChange = Callable[[Change], None]
OnFailure = Callable[[BaseException], None]


class Follower(Protocol):
    """Tells promotions: `headrace.models.promoted.PromotedModels`."""

    @property
    def undecodable(self) -> int: ...
    def start(self, timeout: float) -> None: ...
    def stop(self) -> None: ...


class FollowedPromotions:
    """Has what is promoted loaded, on threads of its own.

    Args:
        follow: makes the follower, which is then told of by it.
        apply: works off a change; returns the seconds until it is to be tried again, or None.
        deployments: is told each promotion at once, and when all that stand were told.
    """

    def __init__(
        self,
        follow: Callable[[OnChange, OnFailure], Follower],
        apply: Callable[[Change], float | None],
        deployments: Deployments,
    ) -> None:
        self._follow = follow
        self._deployments = deployments
        self._loading = ModelLoading(apply, self._fail)
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._begun = time.monotonic()
        self._is_caught_up = False
        self._follower: Follower | None = None
        self._thread = threading.Thread(target=self._run, name="promotions", daemon=True)

    def start(self) -> None:
        self._begun = time.monotonic()
        self._loading.start()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._loading.stop()
        self._thread.join(_STOP_S)
        if self._follower is not None:
            self._follower.stop()

    def failure(self) -> str | None:
        """What ended the following, if something did: the process should be restarted then."""
        return None if self._failure is None else f"following models.promoted ended: {self._failure!r}"

    def is_starting(self) -> bool:
        """Whether what is promoted may still be about to be loaded for the first time."""
        return not self._is_caught_up and time.monotonic() - self._begun < FIRST_LOAD_S

    def undecodable(self) -> int:
        """How many models have a newest promotion that this version can't read."""
        return 0 if self._follower is None else self._follower.undecodable

    def _take(self, change: Change) -> None:
        if isinstance(change, Promotion):
            self._deployments.announce(change)
        self._loading.take(change)

    def _fail(self, error: BaseException) -> None:
        _logger.error("promotions are not followed any more; the process needs a restart", exc_info=error)
        self._failure = error

    def _run(self) -> None:
        try:
            while self._follower is None and not self._stopping.is_set():
                self._follower = self._begin_to_follow()
        except Exception as error:
            self._fail(error)
        else:
            # What stands was told when the follower had started.
            self._is_caught_up = self._loading.wait_until_idle(FIRST_LOAD_S)

    def _begin_to_follow(self) -> Follower | None:
        follower = self._follow(self._take, self._fail)
        try:
            follower.start(_TOPIC_S)
        except TransientError as error:
            _logger.warning("promotions can't be read yet", extra={"problem": str(error)})
            follower.stop()
            self._stopping.wait(_PAUSE_S)
            return None
        self._deployments.note_read()
        return follower
