"""The subjects that were asked for last, within a bound, by name and by id."""

import threading
from collections import OrderedDict

from headrace.subjects.subject import Subject

Name = tuple[str, str]


class RecentSubjects:
    """Any thread may ask.

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._by_name: OrderedDict[Name, Subject] = OrderedDict()
        self._names: dict[str, Name] = {}

    def __len__(self) -> int:
        return len(self._by_name)

    def get(self, site: str, name: str) -> Subject | None:
        """The subject of a name, if it is remembered."""
        with self._lock:
            subject = self._by_name.get((site, name))
            if subject is not None:
                self._by_name.move_to_end((site, name))
            return subject

    def put(self, site: str, name: str, subject: Subject) -> None:
        """Remembers a subject in place of the one that the name had."""
        with self._lock:
            self._drop_name((site, name))
            self._by_name[site, name] = subject
            self._names[subject.id] = (site, name)
            if len(self._by_name) > self._most:
                self._drop_name(next(iter(self._by_name)))

    def drop(self, subject: str) -> None:
        """Forgets a subject and its key, if it is here."""
        with self._lock:
            name = self._names.get(subject)
            if name is not None:
                self._drop_name(name)

    def _drop_name(self, name: Name) -> None:
        before = self._by_name.pop(name, None)
        if before is not None:
            del self._names[before.id]
