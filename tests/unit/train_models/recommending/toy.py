"""Persons of two tastes, who come to the items of theirs one after another."""

import numpy as np

from train_models.recommending.interactions import Interactions

DAY = 86_400_000_000
EACH = 12
"""Items of a taste, `a0` … and `b0` …"""


def made(*rows: tuple[int, str, int], weight: float = 1.0) -> Interactions:
    """Of (person, item, time), rising by time."""
    items = tuple(dict.fromkeys(item for _, item, _ in rows))
    numbers = {item: number for number, item in enumerate(items)}
    return Interactions(
        items,
        np.array([person for person, _, _ in rows], np.int32),
        np.array([numbers[item] for _, item, _ in rows], np.int32),
        np.array([time for _, _, time in rows], np.int64),
        np.full(len(rows), weight, np.float32),
        1 + max(person for person, _, _ in rows),
    )


def tastes(people: int = 120, steps: int = 8, noise: float = 0.1, seed: int = 1) -> Interactions:
    """Each person comes to so many items, mostly of one taste, the first of a taste more often than the last."""
    random = np.random.default_rng(seed)
    shares = 1 / np.arange(1, EACH + 1)
    rows = []
    for person in range(people):
        own, other = ("a", "b") if person % 2 else ("b", "a")
        known: set[str] = set()
        for step in range(steps):
            taste = other if random.random() < noise else own
            item = f"{taste}{random.choice(EACH, p=shares / shares.sum())}"
            while item in known:
                item = f"{taste}{random.integers(EACH)}"
            known.add(item)
            rows.append((person, item, step * 1_000 * DAY // steps + int(random.integers(DAY))))
    rows.sort(key=lambda row: row[2])
    return made(*rows)
