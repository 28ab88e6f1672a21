"""Whose recommendations they are: from the client's id of a person to the subject, if Cassandra is quick enough."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from headrace.clock import Clock
from headrace.errors import TransientError
from headrace.subjects.subject import Subject

_PROBE_S = 1.0


class Subjects(Protocol):
    """`headrace.subjects.async_subjects.AsyncSubjects`."""

    def known(self, site: str, name: str) -> Subject | None: ...

    async def subject_of(self, site: str, name: str) -> Subject: ...


@dataclass(frozen=True)
class Found:
    """Attributes:
    subject: the person's random id; None where nobody was named, or it could not be found out.
    is_away: it could not be found out.
    """

    subject: str | None
    is_away: bool = False


class People:
    """Finds subjects, and makes one for who is new: the arms that people are in go by it, from their first answer on.

    After one that could not be found in time only one a second waits, until one is found again. Those that are
    remembered are found all the same, which says nothing of Cassandra.

    Args:
        subjects: None where there are no keys for them.
        timeout: seconds that an answer waits.
    """

    def __init__(self, subjects: Subjects | None, clock: Clock, timeout: float) -> None:
        self._subjects = subjects
        self._clock = clock
        self._timeout = timeout
        self._next_probe: float | None = None

    async def find(self, site: str, name: str | None) -> Found:
        """The subject of a name as `headrace.subjects.subject` makes it."""
        if name is None:
            return Found(None)
        if self._subjects is None:
            return Found(None, is_away=True)
        if (known := self._subjects.known(site, name)) is not None:
            return Found(known.id)
        now = self._clock.monotonic()
        is_probe = self._next_probe is None or now >= self._next_probe
        if self._next_probe is not None and is_probe:
            self._next_probe = now + _PROBE_S
        try:
            async with asyncio.timeout(self._timeout if is_probe else 0):
                subject = await self._subjects.subject_of(site, name)
        except (TimeoutError, TransientError):
            if self._next_probe is None:
                self._next_probe = self._clock.monotonic() + _PROBE_S
            return Found(None, is_away=True)
        if is_probe:
            self._next_probe = None
        return Found(subject.id)
