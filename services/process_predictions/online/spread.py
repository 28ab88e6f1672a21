"""How far a metric's periods usually are from their forecasts, and which of them count as unusual."""

from math import log
from struct import Struct

_HEAD = Struct("<I5d")
_RECENT_WEIGHT, _LONG_WEIGHT, _SLOT_WEIGHT = 0.2, 0.01, 0.1
_SHARE_WEIGHT, _BASE_WEIGHT = 0.05, 0.005
_BOUND_STEP = 0.1
_LEAST = 1e-6
_LEAST_SHARE = 1e-3
LEAST_PROBABILITY = 1e-4


class Spread:
    """Errors of a forecast in units of `History.scale`, slowly forgetting.

    The bound above which a period is unusual is the errors' quantile: first that of a Laplace distribution of their
    mean size, then followed by gradient descent on the pinball loss (R. Koenker, G. Bassett, "Regression Quantiles",
    Econometrica 46, 1978).

    Args:
        season: periods of a season.
        share: of the periods that are to lie above the bound.
    """

    __slots__ = ("_base", "_bound", "_long", "_recent", "_recent_share", "_seen", "_share", "_slots")

    def __init__(self, season: int, share: float) -> None:
        self._share = share
        self._seen = 0
        self._bound = 1.0
        self._recent = self._long = 1.0
        self._recent_share = self._base = share
        self._slots = [1.0] * season

    @property
    def is_warm(self) -> bool:
        """Whether two seasons were seen, so that the bound says something."""
        return self._seen >= 2 * len(self._slots)

    @property
    def base(self) -> float:
        """The share of unusual periods lately: what a forecast without a model says."""
        return min(max(self._base, LEAST_PROBABILITY), 1.0 - LEAST_PROBABILITY)

    def is_unusual(self, error: float) -> bool:
        """Whether an absolute error is above the bound."""
        return error > self._bound

    def features(self, slot: int) -> dict[str, float]:
        """What `headrace.models.online.UNUSUAL_FEATURES` are for a period of a slot, all of them logarithms of ratios.

        `tail` is how probable the bound is to be passed if errors were Laplacian with their size of late and of this
        slot, against the share.
        """
        expected = max(0.5 * self._recent + 0.5 * self._slots[slot], _LEAST)
        long = max(self._long, _LEAST)
        return {
            "tail": max(-self._bound / expected, -10.0) - log(self._share),
            "recent_errors": log(max(self._recent, _LEAST) / long),
            "slot_errors": log(max(self._slots[slot], _LEAST) / long),
            "recent_share": log(self._recent_share / self._share),
        }

    def take(self, slot: int, error: float) -> None:
        """Takes the absolute error of a period's forecast."""
        seasons, newest = self._seen // len(self._slots) + 1, 1.0 / (self._seen + 1)
        if self.is_warm:
            self._move_bound(self.is_unusual(error))
        self._recent += max(_RECENT_WEIGHT, newest) * (error - self._recent)
        self._long += max(_LONG_WEIGHT, newest) * (error - self._long)
        self._slots[slot] += max(_SLOT_WEIGHT, 1.0 / seasons) * (error - self._slots[slot])
        self._seen += 1
        if not self.is_warm:
            self._bound = -log(self._share) * self._long

    def _move_bound(self, came: bool) -> None:
        self._bound = max(self._bound + _BOUND_STEP * self._long * (came - self._share), _LEAST)
        self._base += _BASE_WEIGHT * (came - self._base)
        self._recent_share = max(self._recent_share + _SHARE_WEIGHT * (came - self._recent_share), _LEAST_SHARE)

    def pack(self) -> bytes:
        """44 bytes, and eight for each slot."""
        head = (self._seen, self._bound, self._recent, self._long, self._recent_share, self._base)
        return _HEAD.pack(*head) + Struct(f"<{len(self._slots)}d").pack(*self._slots)

    def restore(self, content: bytes) -> None:
        """Takes what `pack` gave.

        Raises:
            ValueError: it is of another season.
        """
        slots = Struct(f"<{len(self._slots)}d")
        if len(content) != _HEAD.size + slots.size:
            raise ValueError(f"{len(content)} bytes are no spread of {len(self._slots)} slots")
        head = _HEAD.unpack_from(content)
        self._seen, self._bound, self._recent, self._long, self._recent_share, self._base = head
        self._slots = list(slots.unpack_from(content, _HEAD.size))
