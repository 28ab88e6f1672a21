"""How far local times have passed for good: an hour that clocks show twice is over only after its second time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def passed_until(now: datetime, zone: ZoneInfo) -> datetime:
    """A local time, without its zone, below which the zone's clocks show none any more.

    It is that of now, but in an hour that is repeated, in its first and in its second pass: there it is the hour's
    beginning, so that what was marked in either pass is below only when the hour is over.

    Args:
        now: with a zone, whichever it is.
    """
    local = now.astimezone(zone).replace(tzinfo=None, fold=0)
    first, second = (local.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    if first <= second:
        return local
    # Clocks are put back at a whole second between the two moments at which they show this.
    moment = int(local.replace(tzinfo=UTC, microsecond=0).timestamp())
    before, after = moment - int(first.total_seconds()), moment - int(second.total_seconds())
    while after - before > 1:
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == second:
            after = middle
        else:
            before = middle
    return datetime.fromtimestamp(after, zone).replace(tzinfo=None, fold=0)
