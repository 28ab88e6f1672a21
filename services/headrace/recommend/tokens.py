"""Tokens of items, such as category, tags and words of the title, weighted by how rare they are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from headrace.recommend.growing import grown

WIDTH = 16
"""Tokens that an item may have; the first ones count."""
_NONE = 0


class TokenIndex:
    """Which tokens each item has, and which items each token has.

    Likeness is the cosine of vectors with one weight a token, its inverse document frequency
    ln(1 + items / items with it) (Salton and Buckley 1988).
    """

    def __init__(self) -> None:
        self._codes: dict[str, int] = {"": _NONE}
        self._postings: list[dict[int, None]] = [{}]
        self._rows = np.zeros((0, WIDTH), np.int32)
        self._counts = np.zeros(1, np.float32)
        self._items = 0
        self._asked = 0
        self._weights: NDArray[np.float32] | None = None
        self._squares: NDArray[np.float32] | None = None
        self._lengths: NDArray[np.float32] | None = None

    def put(self, number: int, words: Sequence[str]) -> None:
        """Sets an item's tokens; none takes it out."""
        self._rows = grown(self._rows, number + 1, _NONE)
        row = self._rows[number]
        self._items += bool(words) - bool(row[0])
        for code in row[row != _NONE].tolist():
            self._counts[code] -= number in self._postings[code]
            self._postings[code].pop(number, None)
        row[:] = _NONE
        for place, word in enumerate(words[:WIDTH]):
            code = self._codes.setdefault(word, len(self._codes))
            if code == len(self._postings):
                self._postings.append({})
                self._counts = grown(self._counts, code + 1, 0)
            self._counts[code] += number not in self._postings[code]
            self._postings[code][number] = None
            row[place] = code
        self._weights = self._squares = self._lengths = None
        self._asked = 0

    @property
    def size(self) -> int:
        """How many codes there are."""
        return len(self._postings)

    def weights(self) -> NDArray[np.float32]:
        """The weight of each token by code, 0 for none."""
        if self._weights is None:
            counts = self._counts[: self.size]
            self._weights = np.log1p(self._items / np.maximum(counts, 1)).astype(np.float32)
            self._weights[_NONE] = 0
        return self._weights

    def squares(self) -> NDArray[np.float32]:
        """The square of each weight."""
        if self._squares is None:
            self._squares = self.weights() ** 2
        return self._squares

    def of(self, numbers: NDArray[np.intp]) -> NDArray[np.int32]:
        """The tokens of items, shape (items, WIDTH), 0 for none."""
        if not len(numbers):
            return np.zeros((0, WIDTH), np.int32)
        if (most := int(numbers.max())) >= len(self._rows):
            self._rows = grown(self._rows, most + 1, _NONE)
        return self._rows[numbers]

    def lengths(self, numbers: NDArray[np.intp]) -> NDArray[np.float32]:
        """The Euclidean length of items' vectors, at least a little."""
        if self._lengths is None or len(self._lengths) < len(self._rows):
            # An import changes all of them with each item, between two answers: a few are worked out by themselves.
            self._asked += len(numbers)
            if self._asked < len(self._rows):
                return self._lengths_of(self.of(numbers))
            self._lengths = self._lengths_of(self._rows)
        return self._lengths[numbers]

    def _lengths_of(self, rows: NDArray[np.int32]) -> NDArray[np.float32]:
        lengths: NDArray[np.float32] = np.sqrt(np.maximum(self.squares()[rows].sum(axis=1), np.float32(1e-6)))
        return lengths

    def newest_with(self, code: int, count: int) -> list[int]:
        """The last items that took a token, at most `count`."""
        return list(islice(reversed(self._postings[code]), count))
