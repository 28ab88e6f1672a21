"""Whether the pipeline kept its promise, decided from the generator's history and full scans of what it stored.

Shares no code with the services. C is what Cassandra holds, D the dead letters. Every message with a receipt must be in
exactly one of them, each of its readings once and with its value; nothing may be there that was never sent. A message
without a receipt may be missing, or be there once.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from loadtest.history import Accepted, Event, Sent, Value
from loadtest.verdict import Failures

Key = tuple[str, str, int]
"""Device, metric and the device's time in µs."""
UNREAD = "not read to the end"
"""A failure: a consumer is behind the end of what it must read."""
_SHOWN = 20


@dataclass(frozen=True)
class Row:
    """A stored reading; `time` is the device's own where the store has clamped it."""

    device: str
    metric: str
    time: int
    value: Value


@dataclass(frozen=True)
class Dead:
    """A dead letter: of a whole message by its `number`, or of one reading by its `key`."""

    reason: str
    source: tuple[str, int, int]
    number: int | None = None
    key: Key | None = None
    device: str = ""


@dataclass
class Verdict(Failures):
    """What was found."""

    sent: int = 0
    accepted: int = 0
    readings_due: int = 0
    stored: int = 0
    dead_messages: int = 0
    dead_letter_copies: int = 0

    def summary(self) -> str:
        """One line, and the first cases of each kind of failure."""
        head = f"{self.sent} sent, {self.accepted} with a receipt, "
        head += f"{self.readings_due} readings due, {self.stored} stored, {self.dead_messages} messages dead-lettered"
        return self.shown(head, _SHOWN)


def judge(history: Iterable[Event], rows: Iterable[Row], letters: Iterable[Dead], unread: Mapping[str, int]) -> Verdict:
    """Compares a history with the stored rows, the dead letters and what each consumer group has not read yet.

    `unread` maps `group/topic` to records behind the end; any is a failure.
    """
    sent, accepted = _split(history)
    verdict = Verdict(len({event.number for event in sent}), len(accepted))
    dead_numbers, dead_keys = _dead(letters, sent, verdict)
    stored = _stored(rows, verdict)
    _check_readings(sent, accepted, stored, dead_numbers, dead_keys, verdict)
    _check_bad(sent, accepted, dead_numbers, verdict)
    for number in sorted(accepted - {event.number for event in sent}):
        verdict.fail("receipt for what was never sent", number)
    for consumer, behind in unread.items():
        if behind:
            verdict.fail(UNREAD, f"{consumer} is {behind} behind")
    return verdict


def _split(history: Iterable[Event]) -> tuple[list[Sent], set[int]]:
    sent: list[Sent] = []
    accepted: set[int] = set()
    for event in history:
        if isinstance(event, Accepted):
            accepted.add(event.number)
        else:
            sent.append(event)
    return sent, accepted


def _dead(letters: Iterable[Dead], sent: list[Sent], verdict: Verdict) -> tuple[dict[int, str], set[Key]]:
    """Dead messages with their reason, and single dead readings."""
    known = {event.number for event in sent}
    numbers: dict[int, str] = {}
    keys: set[Key] = set()
    for letter in letters:
        if letter.number is not None and letter.number in known:
            verdict.dead_letter_copies += letter.number in numbers
            numbers[letter.number] = letter.reason
        elif letter.key is not None:
            keys.add(letter.key)
        else:
            verdict.fail("dead letter of what was never sent", letter)
    verdict.dead_messages = len(numbers)
    return numbers, keys


def _stored(rows: Iterable[Row], verdict: Verdict) -> dict[Key, Counter[Value]]:
    stored: dict[Key, Counter[Value]] = defaultdict(Counter)
    for row in rows:
        stored[row.device, row.metric, row.time][row.value] += 1
        verdict.stored += 1
    return stored


def _check_readings(
    sent: list[Sent],
    accepted: set[int],
    stored: dict[Key, Counter[Value]],
    dead_numbers: Mapping[int, str],
    dead_keys: set[Key],
    verdict: Verdict,
) -> None:
    allowed = _expected(sent)
    due = _expected(event for event in sent if event.number in accepted and event.number not in dead_numbers)
    dead = _expected(event for event in sent if event.number in dead_numbers)
    verdict.readings_due = sum(values.total() for values in due.values())
    for key, values in stored.items():
        for value in (values - allowed.get(key, Counter())).elements():
            verdict.fail(_kind(key, value, allowed), (*key, value))
        # What only a dead-lettered message can have brought.
        alive = allowed.get(key, Counter()) - dead.get(key, Counter())
        if key in dead_keys or (key in dead and (values & allowed[key]) - alive):
            verdict.fail("both stored and dead-lettered", key)
    for key, values in due.items():
        if key not in dead_keys:
            for value in (values - stored.get(key, Counter())).elements():
                verdict.fail("accepted and lost", (*key, value))


def _expected(sent: Iterable[Sent]) -> dict[Key, Counter[Value]]:
    """The values of each key; a repeat of the same identity and value counts once."""
    distinct = {
        (event.device, metric, event.time, event.identity, value)
        for event in sent
        for metric, value in event.values.items()
    }
    expected: dict[Key, Counter[Value]] = defaultdict(Counter)
    for device, metric, time, _, value in distinct:
        expected[device, metric, time][value] += 1
    return expected


def _kind(key: Key, value: Value, allowed: Mapping[Key, Counter[Value]]) -> str:
    if key not in allowed:
        return "stored and never sent"
    return "stored twice" if value in allowed[key] else "stored with another value"


def _check_bad(sent: list[Sent], accepted: set[int], dead: Mapping[int, str], verdict: Verdict) -> None:
    for number, reason in {(event.number, event.bad) for event in sent}:
        if reason and number in accepted and number not in dead:
            verdict.fail("accepted and lost", f"bad message {number} ({reason}) is no dead letter")
        elif number in dead and dead[number] != reason:
            verdict.fail(
                "dead-lettered for another reason", f"message {number}: {dead[number]}, not {reason or 'stored'}"
            )
