"""Repeats and occurrence numbers: a reading is (site, device, metric, event time, message id or sequence number)."""

import hashlib
from bisect import bisect_left, bisect_right

from headrace.records import Reading
from process_readings.device_state import DeviceState
from process_readings.metric_plan import EXACT_INTEGERS
from process_readings.series import Series

REPEAT = -1
LATE = -2
HASHED_FROM = 1 << 20
"""Occurrence numbers from here on are made from the reading's content; counted ones stay below."""
_HASHED_RANGE = (1 << 31) - HASHED_FROM
REMEMBERED = 128
"""Identities without a usable event time that are remembered per metric. Fewer than 256, since a sequence number of one
byte comes again after so many messages and is then another reading."""

CONFLICT = "conflict"


def fingerprint(reading: Reading, value: float) -> int:
    """What tells a reading from others of its time and `value`, in 64 bits with a sign: 0 where the value alone does.

    A sequence number stands for itself; anything else is a hash, the same in every process.
    """
    exact: object = None
    if value != value:
        exact = repr(reading.value)
    elif reading.integer is not None and not -EXACT_INTEGERS <= reading.integer <= EXACT_INTEGERS:
        exact = reading.integer
    if exact is None and reading.device_time is None:
        return print_of(reading.message_id, reading.seq)
    return hash_of((reading.message_id, reading.seq, reading.device_time, exact))


def print_of(message_id: str | None, seq: int | None) -> int:
    """The fingerprint of a number that came with these."""
    if message_id is None:
        return 0 if seq is None else ~seq
    return hash_of((message_id, seq, None, None))


def hash_of(identity: tuple[object, ...]) -> int:
    """A hash of numbers and texts in 64 bits with a sign, the same in every process."""
    return int.from_bytes(_digest(identity), "little", signed=True)


def _digest(identity: tuple[object, ...]) -> bytes:
    return hashlib.blake2b(repr(identity).encode(errors="surrogatepass"), digest_size=8).digest()


def place(device: DeviceState, series: Series, time: int, value: float, print_: int) -> int:
    """Takes a reading into the series unless it is there already.

    Returns:
        Its occurrence number: how many other readings have its time; REPEAT if it is there; LATE if it is in a
        final window and not among those that are still remembered.
    """
    times, final_before = series.times, device.final_before
    if series.is_newest(time):
        if time < final_before:
            return LATE
        device.latest = max(device.latest, time)
        series.append(time, value, print_)
        return 0
    first = bisect_left(times, time)
    if _is_among(series, first, time, value, print_):
        return REPEAT
    if time < final_before:
        return LATE
    position = bisect_right(times, time, first)
    series.insert(position, time, value, print_)
    return position - first


def _is_among(series: Series, position: int, time: int, value: float, print_: int) -> bool:
    times, values = series.times, series.values
    while position < len(times) and times[position] == time:
        known = values[position]
        if (known == value or (known != known and value != value)) and series.print_at(position) == print_:
            return True
        position += 1
    return False


def holds(series: Series, reading: Reading, value: float) -> bool:
    """Whether a reading is in the series already."""
    position = bisect_left(series.times, reading.time)
    return _is_among(series, position, reading.time, value, fingerprint(reading, value))


def conflicts(series: Series, time: int, n: int, print_: int) -> bool:
    """Whether the reading with occurrence number `n` > 0 has another value than one of its time before it."""
    first = bisect_left(series.times, time)
    value = series.values[first + n]
    for position in range(first, first + n):
        known = series.values[position]
        if known != value and not (known != known and value != value and series.print_at(position) == print_):
            return True
    return False


def untimed_identity(reading: Reading, device_time: int | None) -> int:
    """The identity of a reading whose event time is the receive time or was clamped, as `hash_of`.

    A redelivery has another receive time, so the device's own time, or the message id or sequence number, stands alone.
    """
    return hash_of((device_time, reading.message_id, reading.seq, reading.value))


def is_remembered(series: Series, identity: int) -> bool:
    """Whether an identity without a usable event time was seen; remembers it if not."""
    remembered = series.remembered
    if remembered is None:
        series.remembered = {identity: None}
        return False
    if identity in remembered:
        return True
    remembered[identity] = None
    if len(remembered) > REMEMBERED:
        del remembered[next(iter(remembered))]
    return False


def hashed_n(reading: Reading) -> int:
    """An occurrence number from the reading's content, for where the readings of its time are not known any more.

    The same reading has the same number, another one a different number up to the odds of a 31-bit hash, and none that
    was counted has it, so nothing stored is overwritten.
    """
    digest = _digest((reading.value, reading.message_id, reading.seq, reading.device_time))
    return HASHED_FROM + int.from_bytes(digest, "big") % _HASHED_RANGE
