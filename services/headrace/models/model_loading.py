"""Works off promotions and withdrawals on a thread of its own, while others use what is loaded already."""

import threading
import time
from collections.abc import Callable

from headrace.models.records import Change

_STOP_S = 5.0


class ModelLoading:
    """Takes changes; of those of a model that wait only the newest is worked off.

    Args:
        apply: works off a change; returns the seconds until it is to be tried again, unless a newer one of the model
            takes its place, or None where it is done: `Swap.apply`.
        on_failure: told what ended the thread, an error of `apply`.
    """

    def __init__(
        self,
        apply: Callable[[Change], float | None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._apply = apply
        self._on_failure = on_failure
        self._changed = threading.Condition()
        self._waiting: dict[str, Change] = {}
        self._again: dict[str, tuple[float, Change]] = {}
        self._is_busy = self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="model-loading", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread after what it is loading, which is waited for some seconds."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def take(self, change: Change) -> None:
        """Returns at once."""
        with self._changed:
            self._waiting[change.name] = change
            self._again.pop(change.name, None)
            self._changed.notify_all()

    def wait_until_idle(self, timeout: float) -> bool:
        """Until nothing waits or is being loaded, retries aside, or it is stopped; returns whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_stopping or self._is_idle(), timeout)

    def _is_idle(self) -> bool:
        return not self._waiting and not self._is_busy

    def _run(self) -> None:
        try:
            while (change := self._next()) is not None:
                self._finish(change, self._apply(change))
        except Exception as error:
            with self._changed:
                self._is_stopping = True
                self._changed.notify_all()
            self._on_failure(error)

    def _next(self) -> Change | None:
        """Waits for a change; None where it is time to stop."""
        with self._changed:
            while not self._is_stopping:
                name = next(iter(self._waiting), None)
                change = self._due() if name is None else self._waiting.pop(name)
                if change is not None:
                    self._is_busy = True
                    return change
                self._changed.wait(self._until_retry())
            return None

    def _finish(self, change: Change, retry_s: float | None) -> None:
        with self._changed:
            self._is_busy = False
            if retry_s is not None and change.name not in self._waiting:
                self._again[change.name] = (time.monotonic() + retry_s, change)
            self._changed.notify_all()

    def _until_retry(self) -> float | None:
        return max(0.0, min(at for at, _ in self._again.values()) - time.monotonic()) if self._again else None

    def _due(self) -> Change | None:
        for name, (at, _) in self._again.items():
            if at <= time.monotonic():
                return self._again.pop(name)[1]
        return None
