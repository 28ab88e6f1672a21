"""The identity of an anomaly."""

import hashlib

_SEPARATOR = "\x1f"


def anomaly_id(site: str, device: str, metric: str, time_us: int, n: int, family: str) -> str:
    """32 hex digits that name the reading and the detector's family, without versions.

    The same reading found again, by a replay or a newer version of the detector, is the same anomaly.
    """
    text = _SEPARATOR.join((site, device, metric, str(time_us), str(n), family))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
