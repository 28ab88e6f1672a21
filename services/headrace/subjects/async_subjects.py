"""Subjects for asyncio: what is remembered is answered at once, the rest on threads."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from headrace.subjects.scheduled_rotation import ScheduledRotation
from headrace.subjects.subject import Subject
from headrace.subjects.subjects import Subjects

P = ParamSpec("P")
T = TypeVar("T")
_THREADS = 8
"""Each waits for Cassandra; a request for many persons needs one."""


class AsyncSubjects:
    """`Subjects` on an event loop. Methods raise as those do.

    Args:
        rotation: begins and ends with it; none where somebody else replaces the keys.
    """

    def __init__(self, subjects: Subjects, rotation: ScheduledRotation | None = None) -> None:
        self.sync = subjects
        self._rotation = rotation
        self._executor = ThreadPoolExecutor(_THREADS, "subjects")

    def start(self) -> None:
        """Begins to follow erasures, and returns at once."""
        self.sync.erased.start_in_background()
        if self._rotation is not None:
            self._rotation.start()

    async def stop(self) -> None:
        await asyncio.to_thread(self._stop)

    def known(self, site: str, name: str) -> Subject | None:
        """A subject that is remembered; None says nothing about whether there is one."""
        return self.sync.known(site, name)

    async def subject_of(self, site: str, name: str) -> Subject:
        """The subject of a person, made if there is none."""
        return self.sync.known(site, name) or (await self.subjects_of(site, (name,)))[0]

    async def subjects_of(self, site: str, names: Sequence[str]) -> list[Subject]:
        """The same for many at once."""
        found = [self.sync.known(site, name) for name in names]
        if None not in found:
            return [subject for subject in found if subject is not None]
        return await self._ask(self.sync.subjects_of, site, names)

    async def find(self, site: str, name: str) -> Subject | None:
        """The subject of a person, or None: there is none."""
        return self.sync.known(site, name) or await self._ask(self.sync.find, site, name)

    async def find_settled(self, site: str, name: str) -> Subject | None:
        """See `SubjectStore.find_settled`."""
        return await self._ask(self.sync.store.find_settled, site, name)

    async def destroy(self, site: str, name: str, subject: str) -> bool:
        """Notes a subject as erased here, deletes its row and key; whether there was one."""
        self.sync.erased.add(subject)
        return await self._ask(self.sync.store.destroy, site, name, subject)

    async def _ask(self, call: Callable[P, T], *values: P.args, **named: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, partial(call, *values, **named))

    def _stop(self) -> None:
        self._executor.shutdown(cancel_futures=True)
        if self._rotation is not None:
            self._rotation.stop()
        self.sync.erased.stop()
        self.sync.store.close()
