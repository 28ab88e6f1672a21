"""How improbable a distance is, from a series' own past and a prior."""

from array import array
from math import exp, log, log1p, log2
from struct import Struct

from process_readings.detect.packed_numbers import pack_array, unpack_array

WEIGHT = 300.0
NU = 6.0
MEMORY = 8064
PER_OCTAVE = 4
BINS = 6 * PER_OCTAVE
PARTS = 8
"""A count is kept in eighths, so that halving loses little; `MEMORY` of them fit 16 bits."""
AS_FAR = 0.5
"""In bins, 9 % of a distance: what was so little nearer counts as as far: a spread that is learned never rests."""
_LN10 = log(10.0)
_LARGEST = 1e100
_LEAST_EXPONENT = -700.0
_READINGS = Struct("<H")
STATE_BYTES = _READINGS.size * (BINS + 2)


class TailCalibrator:
    """Turns distances z in spreads into surprises, -log10 of the probability of one as great.

    p = (W q(z) + exceedances of z) / (W + readings): the mean of a Beta posterior. Its prior is worth W readings and
    says that z has the tail q(z) = (1 + z^2 / nu)^(-nu / 2), which is Student's but for a factor. Where the series has
    often been as far, its own count rules: heavy tails and recurring spikes stop being surprising. Where it never has
    been, p goes on falling with q, so that the far tail is still ranked.

    The counts are a histogram of log z from 1 to 64, halved when `MEMORY` readings are reached.

    Tail probabilities of a detector's own scores: S. Ahmad, A. Lavin, S. Purdy, Z. Agha, "Unsupervised real-time
    anomaly detection for streaming data" (2017), who take a normal tail; R. Laxhammar, G. Falkman, "Conformal
    Prediction for Distribution-Independent Anomaly Detection in Streaming Vessel Data" (2010), who count, without a
    prior.
    """

    __slots__ = ("_counts", "_readings")

    def __init__(self) -> None:
        self._counts = array("H", [0] * (BINS + 1))
        self._readings = 0

    def surprise(self, distance: float) -> float:
        """0 for what is nearer than one spread."""
        if distance < 1.0:
            return 0.0
        counts = self._counts
        distance = min(distance, _LARGEST)
        at = max(0.0, log2(distance) * PER_OCTAVE - AS_FAR)
        bin_ = int(at)
        # Of the bin's own readings a share counts: a half of those in the last, which has no end.
        share = 1.0 - at + bin_ if bin_ < BINS else 0.5
        bin_ = min(bin_, BINS)
        exceedances = (sum(counts[bin_ + 1 :]) + share * counts[bin_]) / PARTS
        exponent = -0.5 * NU * log1p(distance * distance / NU)
        if exceedances > 0.0:
            own = log(exceedances + (WEIGHT * exp(exponent) if exponent > _LEAST_EXPONENT else 0.0))
        else:
            own = log(WEIGHT) + exponent
        return max(0.0, (log(WEIGHT + self._readings) - own) / _LN10)

    def learn(self, distance: float, parts: int = PARTS) -> None:
        """Counts a distance.

        Args:
            parts: what it counts for among those as far, in eighths.
        """
        self._readings += 1
        if distance >= 1.0:
            self._counts[min(int(log2(min(distance, _LARGEST)) * PER_OCTAVE), BINS)] += parts
        if self._readings >= MEMORY:
            self._readings //= 2
            self._counts = array("H", [count // 2 for count in self._counts])

    def state(self) -> bytes:
        """52 bytes."""
        return _READINGS.pack(self._readings) + pack_array(self._counts)

    def restore(self, state: bytes) -> None:
        """Takes what `state` gave."""
        (self._readings,) = _READINGS.unpack_from(state)
        self._counts = unpack_array("H", state[_READINGS.size :])
