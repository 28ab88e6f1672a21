"""Arrays that grow as items come."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)
_LEAST = 256


def grown(array: NDArray[T], size: int, fill: Any) -> NDArray[T]:
    """The array with at least `size` rows, at least doubled, the new ones filled; the same one if it is long enough."""
    have = len(array)
    if have >= size:
        return array
    wider = np.full((max(size, 2 * have, _LEAST), *array.shape[1:]), fill, array.dtype)
    wider[:have] = array
    return wider
