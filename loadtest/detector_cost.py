"""What a detector costs by itself, without what else a processor does with a reading."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable, Sequence

from process_readings.detect.detector import Detector


def cpu_us(series: Iterable[tuple[Detector, Sequence[tuple[float, int]]]]) -> float:
    """CPU time of judging and learning one reading.

    Args:
        series: fresh detectors with the values and times, in microseconds, that each is given; making them isn't timed.
    """
    total = count = 0
    gc.disable()
    try:
        for detector, rows in series:
            observe = detector.observe
            started = time.process_time_ns()
            for value, time_us in rows:
                observe(value, time_us)
            total += time.process_time_ns() - started
            count += len(rows)
    finally:
        gc.enable()
    return total / 1e3 / count
