"""How Headrace's Cassandra tables are cut into partitions: what the sink that writes and the API that reads share.

Times are microseconds since 1970-01-01 UTC. A period is named by its beginning in milliseconds, which is what Cassandra
calls a timestamp.
"""

from collections.abc import Iterator
from functools import lru_cache

from headrace.records import record_key

BUCKETS = 64
HOUR_US = 3_600_000_000
WEEK_US = 168 * HOUR_US
WINDOWS_PER_PERIOD = 1_440
MONTH_US = 30 * 24 * HOUR_US
MONTHS_KEPT = 26
"""For so many months of 30 days records about persons are kept at most."""

_MASK = 0xFFFFFFFF


@lru_cache(maxsize=200_000)
def bucket_of(site: str, device: str) -> int:
    """The bucket of a device, from 0 to `BUCKETS` - 1.

    It is made of the same hash as the partition of a Kafka record with the device's key. So where a topic's partition
    count divides `BUCKETS`, a bucket's rows come from one partition, and a flush holds more rows of fewer buckets.
    """
    return (murmur2(record_key(site, device)) & 0x7FFFFFFF) % BUCKETS


def hour_of(time_us: int) -> int:
    """The hour of an event time: `readings.hour`, `anomalies_by_hour.hour`."""
    return _period(time_us, HOUR_US)


def week_of(time_us: int) -> int:
    """The week, counted from 1970-01-01, of an event time: `anomalies_by_device.week`."""
    return _period(time_us, WEEK_US)


def window_period_of(start_us: int, width_us: int) -> int:
    """The period of a window by its start: `windows.period`; it spans `WINDOWS_PER_PERIOD` windows."""
    return _period(start_us, width_us * WINDOWS_PER_PERIOD)


def month_of(appended_us: int) -> int:
    """The 30 days, counted from 1970-01-01, of an append time: `subject_records.month`."""
    return _period(appended_us, MONTH_US)


def months_before(appended_us: int, count: int) -> list[int]:
    """The `count` months that end with the one after an append time, old ones first."""
    return [month_of(appended_us + step * MONTH_US) for step in range(2 - count, 2)]


def periods(start_us: int, end_us: int, length_us: int) -> Iterator[int]:
    """The periods of a length that hold any time in [start, end), old ones first."""
    for index in range(start_us // length_us, -(-end_us // length_us)):
        yield index * length_us // 1_000


def _period(time_us: int, length_us: int) -> int:
    return time_us // length_us * length_us // 1_000


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit hash of a key, unsigned: MurmurHash2 by Austin Appleby with Kafka's seed."""
    m = 0x5BD1E995
    h = 0x9747B28C ^ len(data)
    body = len(data) & ~3
    for i in range(0, body, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & _MASK
        h = (h * m & _MASK) ^ ((k ^ k >> 24) * m & _MASK)
    if body < len(data):
        h = (h ^ int.from_bytes(data[body:], "little")) * m & _MASK
    h = (h ^ h >> 13) * m & _MASK
    return h ^ h >> 15
