"""What is known of every subject, in memory: bytes as they came, decoded when somebody asks."""

import threading
from collections import OrderedDict

import msgspec

from headrace.interactions.records import UserFeatures
from headrace.records import decode, headers_of

_PER_USER_BYTES = 250
"""Of the key, of the objects that hold key and value, and of their place in the dictionary; measured."""
# Within a text a quotation mark is escaped, so these are fields wherever they are.
_CONSENT_REFUSED = b'"consent":false'
_FLAGGED = b'"flagged":true'
_SCHEMA = headers_of(UserFeatures("", "", 0, 0, 0, 0))


class Users:
    """Subject → `UserFeatures`. Where they take more than `max_bytes`, those who were heard of least recently leave.

    Who doesn't consent, or is flagged, stays longer than others: forgotten, they would be recommended to as somebody
    new. Nothing else is known of them, so each takes 0.4 kB, and they may take half of the bytes. Where they would take
    more the first of them leave, which `has_forgotten_refusals` says. Any thread may change or ask it.

    Attributes:
        has_forgotten_refusals: of whom nothing is known may be somebody who doesn't consent.
    """

    def __init__(self, max_bytes: int) -> None:
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._left_alone: OrderedDict[str, bytes] = OrderedDict()
        self._max_bytes = max_bytes
        self._left_alone_bytes = 0
        self._changing = threading.Lock()
        self.bytes = 0
        self.forgotten = 0
        self.has_forgotten_refusals = False

    def __len__(self) -> int:
        return len(self._known) + len(self._left_alone)

    def put(self, subject: str, features: bytes) -> None:
        """The newest features of a subject, encoded as `user_features.v1`."""
        with self._changing:
            if _CONSENT_REFUSED in features or _FLAGGED in features:
                self._leave_alone(subject, features)
            else:
                self._know(subject, features)
            while self.bytes > self._max_bytes and len(self._known) > 1:
                self._forget(next(iter(self._known)))
                self.forgotten += 1

    def drop(self, subject: str) -> None:
        """Forgets a subject."""
        with self._changing:
            self._forget(subject)
            self._forget_left_alone(subject)

    def _know(self, subject: str, features: bytes) -> None:
        before = self._known.get(subject)
        self.bytes += len(features) - len(before) if before is not None else len(features) + _PER_USER_BYTES
        self._known[subject] = features
        self._known.move_to_end(subject)
        self._forget_left_alone(subject)

    def _leave_alone(self, subject: str, features: bytes) -> None:
        size = len(features) - len(self._left_alone.get(subject, b""))
        size += 0 if subject in self._left_alone else _PER_USER_BYTES
        self._left_alone[subject] = features
        self._left_alone.move_to_end(subject)
        self._left_alone_bytes += size
        self.bytes += size
        self._forget(subject)
        while self._left_alone_bytes > self._max_bytes // 2 and len(self._left_alone) > 1:
            self._forget_left_alone(next(iter(self._left_alone)))
            self.forgotten += 1
            self.has_forgotten_refusals = True

    def _forget(self, subject: str) -> None:
        before = self._known.pop(subject, None)
        if before is not None:
            self.bytes -= len(before) + _PER_USER_BYTES

    def _forget_left_alone(self, subject: str) -> None:
        before = self._left_alone.pop(subject, None)
        if before is not None:
            self._left_alone_bytes -= len(before) + _PER_USER_BYTES
            self.bytes -= len(before) + _PER_USER_BYTES

    def get(self, site: str, subject: str) -> UserFeatures | None:
        """What is known of a subject of the site.

        Raises:
            TerminalError: what was written is no `user_features.v1`.
        """
        found = self._left_alone.get(subject) or self._known.get(subject)
        if found is None:
            return None
        features = decode(found, _SCHEMA)
        return features if isinstance(features, UserFeatures) and features.site == site else None


class _Appended(msgspec.Struct):
    appended: int


_appended = msgspec.json.Decoder(_Appended)


def appended_of(features: bytes) -> int | None:
    """Append time in µs of the newest interaction in encoded features, which are not decoded for it."""
    try:
        return _appended.decode(features).appended
    except msgspec.MsgspecError:
        return None
