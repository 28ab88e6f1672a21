"""Runs one task on the event loop: takes batches as they come, cuts checkpoints, and starts again after an abort."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Protocol, TypeVar

from headrace.clock import Clock
from headrace.errors import TransientError
from headrace.streams.batch import Batch
from headrace.streams.checkpoint import CheckpointPolicy
from headrace.streams.task import Task
from headrace.streams.transaction import ProducerLost

T = TypeVar("T")


class InputTruncated(TransientError):
    """The brokers deleted the record that the task would read next."""


log = logging.getLogger(__name__)

INBOX_BATCHES = 2
_IDLE_EVERY_S = 1.0
_BACK_OFF_S = (0.2, 10.0)


class Input(Protocol):
    """The consumer that gives batches, as a task needs it."""

    async def seek(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Goes on reading (topic, partition) from an offset; returns when it holds."""
        ...


class TaskRunner:
    """Owns a task from its assignment to its revocation.

    Batches come by `deliver`; `epoch` tells those that were read before the last restore from those after it.

    Args:
        executor: where calls that wait for the brokers run.
        idle_after_s: seconds without a record after which the rules' `on_idle` runs, every second.
        on_failure: told of anything after which the process must end.
    """

    def __init__(
        self,
        task: Task,
        source: Input,
        executor: Executor,
        clock: Clock,
        policy: CheckpointPolicy,
        idle_after_s: float,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self.task = task
        self.epoch = 0
        self.is_reading = False
        self._source = source
        self._executor = executor
        self._clock = clock
        self._policy = policy
        self._idle_after_s = idle_after_s
        self._on_failure = on_failure
        self._inbox: deque[Batch] = deque()
        self._news = asyncio.Event()
        self._closing = False
        self._must_reread = False
        self._last_checkpoint = self._opened = self._last_record = self._last_idle = clock.monotonic()
        self._busy_since: float | None = None
        self._runner = asyncio.ensure_future(self._run())

    def wants(self) -> bool:
        """Whether it takes another batch; input is held back while it does not."""
        return self.is_reading and len(self._inbox) < INBOX_BATCHES

    def deliver(self, batch: Batch, epoch: int) -> None:
        """Queues a batch, unless it was read before the last restore."""
        if self.is_reading and epoch == self.epoch:
            self._inbox.append(batch)
            self._news.set()

    def reread(self, topic: str, offset: int) -> None:
        """Starts again from the last checkpoint, unless this input is past `offset`: that was asked before a seek."""
        if self.is_reading and offset >= self.task.positions[topic]:
            self._must_reread = True
            self._news.set()

    def busy_for(self) -> float:
        """Seconds that the present call to the rules takes already; 0 between calls."""
        return self._clock.monotonic() - self._busy_since if self._busy_since is not None else 0.0

    async def close(self, timeout: float) -> None:
        """Commits what is open if that takes no longer than `timeout` seconds, and lets go of the task.

        What can't be committed in time is left to the next owner, who aborts it.
        """
        self._closing = True
        self.is_reading = False
        self._news.set()
        done, _ = await asyncio.wait({self._runner}, timeout=timeout)
        if not done:
            log.warning("a task is given up uncommitted", extra=self._name())
            self._runner.cancel()
        await asyncio.wait({self._wait_for(self.task.close)}, timeout=timeout)

    def _name(self) -> dict[str, object]:
        return {"stage": self.task.stage.name, "partition": self.task.partition}

    async def _run(self) -> None:
        try:
            await self._wait_for(self.task.take_over)
            await self._retry(self.task.restore)
            while not self._closing:
                try:
                    await self._read()
                    await self._work()
                except TransientError as error:
                    log.warning("a transaction is given up; its records come again", extra=self._name(), exc_info=error)
                    await self._start_again()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            if self._closing and isinstance(error, ProducerLost):
                # The next owner was faster than our goodbye; it goes on from the last commit.
                log.warning("a task went before its last commit", extra=self._name(), exc_info=error)
            else:
                self._on_failure(error)

    async def _start_again(self) -> None:
        self.is_reading = False
        self._must_reread = False
        self.epoch += 1
        self._inbox.clear()
        await self._wait_for(self.task.abort)
        await asyncio.sleep(_BACK_OFF_S[0] * _jitter())
        await self._retry(self.task.restore)

    async def _retry(self, call: Callable[[], None]) -> None:
        wait, longest = _BACK_OFF_S
        while not self._closing:
            try:
                await self._wait_for(call)
                return
            except TransientError as error:
                log.warning("waiting for Kafka", extra=self._name(), exc_info=error)
                await asyncio.sleep(wait * _jitter())
                wait = min(2 * wait, longest)

    async def _read(self) -> None:
        """Lets input come from the restored positions on."""
        if self._closing:
            return
        task = self.task
        await self._wait_for(task.catch_up)
        await self._source.seek({(topic, task.partition): at for topic, at in task.positions.items()})
        self._last_checkpoint = self._last_record = self._clock.monotonic()
        self.is_reading = not self._closing

    async def _work(self) -> None:
        task, inbox = self.task, self._inbox
        while not self._closing:
            self._news.clear()
            if inbox:
                self._process(inbox.popleft())
                # Other tasks, the consumer and time-outs get their turn.
                await asyncio.sleep(0)
            elif self._must_reread:
                await self._give_up_position()
            now = self._clock.monotonic()
            if task.has_open_work:
                wait = self._wait_for_checkpoint(now)
                if wait <= 0.0:
                    await self._checkpoint()
                    continue
            else:
                wait = self._idle(now)
            if not inbox:
                await self._wait_for_news(wait)
        if task.has_open_work:
            await self._checkpoint()

    async def _give_up_position(self) -> None:
        if self.task.has_open_work:
            # What was read before the brokers deleted it is not lost.
            await self._checkpoint()
        raise InputTruncated(f"input of {self._name()} does not hold its next record any more")

    def _process(self, batch: Batch) -> None:
        self._busy_since = self._last_record = self._clock.monotonic()
        try:
            if not self.task.has_open_work:
                self._opened = self._busy_since
            self.task.process(batch)
        finally:
            self._busy_since = None

    def _wait_for_checkpoint(self, now: float) -> float:
        return self._policy.wait_s(
            now, self._last_checkpoint, self._opened, self.task.open_bytes, is_dry=not self._inbox
        )

    def _idle(self, now: float) -> float:
        """Runs `on_idle` where it is due; returns the seconds until it may be due again."""
        due = max(self._last_record + self._idle_after_s, self._last_idle + _IDLE_EVERY_S)
        if now < due:
            return due - now
        self._last_idle = self._opened = now
        self.task.idle(self._clock.now_us())
        return 0.0 if self.task.has_open_work else _IDLE_EVERY_S

    async def _checkpoint(self) -> None:
        self._busy_since = begin = self._clock.monotonic()
        try:
            self.task.prepare()
        finally:
            self._busy_since = None
        await self._wait_for(self.task.commit)
        self._last_checkpoint = self._clock.monotonic()
        self.task.note_duration(self._last_checkpoint - begin)

    async def _wait_for_news(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            pass

    def _wait_for(self, call: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._executor, call)


def _jitter() -> float:
    """So that tasks which failed together don't come back together."""
    return random.uniform(0.5, 1.5)  # noqa: S311 - no secret
