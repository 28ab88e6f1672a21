"""Finds subjects on a thread, some at once, so that the loop never waits for Cassandra."""

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from headrace.clock import Clock
from headrace.errors import TransientError
from headrace.subjects.erased import ErasedSubjects
from headrace.subjects.subject import Subject

Person = tuple[str, str]
"""Site, and the name under which a subject is looked up."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 5.0
log = logging.getLogger(__name__)


class Subjects(Protocol):
    """Who a person is in all records: `headrace.subjects.subjects.Subjects`."""

    erased: ErasedSubjects

    def known(self, site: str, name: str) -> Subject | None:
        """A subject that is remembered."""
        ...

    def subjects_of(self, site: str, names: list[str]) -> list[Subject]:
        """The subjects of people, made where there are none.

        Raises:
            TransientError: they can't be known now.
        """
        ...


class SubjectLookup:
    """One look at a time; where it fails, another one after a pause that grows. One thread calls it.

    Args:
        on_failure: told each look that failed.

    Attributes:
        problem: why subjects can't be known now, or None.
    """

    def __init__(self, subjects: Subjects, clock: Clock, on_failure: Callable[[], None]) -> None:
        self._subjects = subjects
        self._clock = clock
        self._on_failure = on_failure
        self._executor = ThreadPoolExecutor(1, "subjects")
        self._looking: Future[dict[Person, Subject]] | None = None
        self._found: dict[Person, Subject] = {}
        self._pause = _FIRST_WAIT_S
        self._not_before = 0.0
        self.problem: str | None = None

    def known(self, people: Iterable[Person]) -> dict[Person, Subject] | None:
        """Their subjects, or None where one of them has to be looked up."""
        found: dict[Person, Subject] = {}
        for person in people:
            if person in found:
                continue
            subject = self._subjects.known(*person) or self._just_found(person)
            if subject is None:
                return None
            found[person] = subject
        return found

    def look_up(self, people: Iterable[Person]) -> None:
        """Begins to look them up, unless a look is under way or due later."""
        if self.may_begin:
            self._looking = self._executor.submit(self._look, tuple(dict.fromkeys(people)))

    def take(self) -> None:
        """Takes what a look found, where it is done.

        Raises:
            Exception: whatever it met that no other look can mend, such as credentials that Cassandra refuses.
        """
        if self._looking is None or not self._looking.done():
            return
        looked, self._looking = self._looking, None
        try:
            self._found = looked.result()
            self._pause, self.problem = _FIRST_WAIT_S, None
        except TransientError as error:
            if self.problem is None:
                log.warning("subjects can't be looked up: messages of people wait", extra={"problem": str(error)})
            self.problem = str(error)
            self._on_failure()
            self._not_before = self._clock.monotonic() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_WAIT_S)

    @property
    def is_idle(self) -> bool:
        """Whether no look is under way."""
        return self._looking is None

    @property
    def may_begin(self) -> bool:
        """Whether a look could begin now."""
        return self.is_idle and self._clock.monotonic() >= self._not_before

    def close(self) -> None:
        """Ends it; a look that is under way ends by itself."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _just_found(self, person: Person) -> Subject | None:
        # Those of a look are more than are remembered, perhaps, and each may be erased since.
        subject = self._found.get(person)
        return None if subject is None or self._subjects.erased.is_erased(subject.id) else subject

    def _look(self, people: tuple[Person, ...]) -> dict[Person, Subject]:
        by_site: dict[str, list[str]] = {}
        for site, name in people:
            by_site.setdefault(site, []).append(name)
        found: dict[Person, Subject] = {}
        for site, names in by_site.items():
            for name, subject in zip(names, self._subjects.subjects_of(site, names), strict=True):
                found[site, name] = subject
        return found
