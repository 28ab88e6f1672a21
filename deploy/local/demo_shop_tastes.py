"""How the demo's shoppers behave: what each likes, and what they do with what they are shown."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_TASTES: tuple[Mapping[str, float], ...] = (
    {"Fruit and vegetables": 3, "Bakery": 2, "Kitchen": 2, "Drinks": 1},
    {"Garden": 3, "Workshop": 2, "Fruit and vegetables": 1},
    {"Sports": 3, "Clothes": 2, "Drinks": 1},
    {"Music": 3, "Desk": 2, "Drinks": 1},
    {"Toys": 3, "Bakery": 1, "Clothes": 1, "Home": 1},
    {"Desk": 3, "Home": 2, "Workshop": 1},
)
"""Category → how much it is liked beside the others."""
_FAVOURITES = 12
_FAVOURED = 6.0
"""Times as much as the rest of a liked category: people of one taste have the same favourites."""
_CURIOUS = 0.05
"""Weight of what is not to one's taste."""

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Shopper:
    """Somebody, with what each item is worth to them; the most is 1."""

    user: str
    likes: Mapping[str, float]


@dataclass(frozen=True)
class Visit:
    """What is done in one visit: each a kind, an item, and where it was shown, if it was recommended."""

    done: list[tuple[str, str, int | None]] = field(default_factory=list)


def shoppers(items: Sequence[Item], count: int, seed: int) -> list[Shopper]:
    """So many people, named `shopper-1` and so on, whose tastes are the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - tastes are no secrets
    tastes = [_likes(items, taste, chance) for taste in _TASTES]
    return [Shopper(f"shopper-{number}", _varied(chance.choice(tastes), chance)) for number in range(1, count + 1)]


def visit(shopper: Shopper, shown: Sequence[str], chance: random.Random) -> Visit:
    """What somebody does who is shown these items: sees some of them, chooses what they like, and looks around."""
    found = Visit()
    for position, item in enumerate(shown):
        found.done.append(("impression", item, position))
        if chance.random() < 0.02 + 0.35 * shopper.likes.get(item, 0.0) / (1 + 0.15 * position):
            _choose(found, item, position, chance)
    for _ in range(chance.randrange(3)):
        (item,) = chance.choices(list(shopper.likes), list(shopper.likes.values()))
        found.done.append(("view", item, None))
        if chance.random() < 0.15:
            found.done.append(("purchase", item, None))
    return found


def _choose(found: Visit, item: str, position: int, chance: random.Random) -> None:
    found.done.extend([("click", item, position), ("view", item, position)])
    if chance.random() < 0.4:
        found.done.append(("cart", item, position))
        if chance.random() < 0.5:
            found.done.append(("purchase", item, position))


def _likes(items: Sequence[Item], taste: Mapping[str, float], chance: random.Random) -> dict[str, float]:
    weights = {str(item["item"]): taste.get(str(item["category"]), 0.0) or _CURIOUS for item in items}
    liked = [item for item, weight in weights.items() if weight > _CURIOUS]
    for item in chance.sample(liked, min(_FAVOURITES, len(liked))):
        weights[item] *= _FAVOURED
    return weights


def _varied(likes: Mapping[str, float], chance: random.Random) -> dict[str, float]:
    own = {item: weight * chance.uniform(0.3, 1.0) for item, weight in likes.items()}
    most = max(own.values())
    return {item: weight / most for item, weight in own.items()}
