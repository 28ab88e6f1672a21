"""What the sources and the ranker look at while one question is answered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.interactions.records import Recent
from headrace.interactions.user_features import SESSION_GAP_US
from headrace.recommend.asked import Ask
from headrace.recommend.batch_model import BoundBatch
from headrace.recommend.catalog import Catalog
from headrace.recommend.half_lives import DAY
from headrace.recommend.online_model import OnlineModel
from headrace.recommend.session_index import SessionIndex

RECENT = 20
"""Items of a person that likeness goes out from."""
_PLACE_DECAY = 0.85
_ABOUT_SHARE = 0.15
"""What the person's own items weigh where another item is asked about."""


@dataclass(slots=True)
class Situation:
    """One question, with the person's items as numbers.

    Attributes:
        recent: the person's last items, the newest first, shape (items,); the item asked about comes before them.
        weights: what each of them counts for, the same shape.
        history: all that is known of the person's items, the newest first, for the source `again`.
        in_session: the person did something within the last half hour.
        activity: how much is known of the person: ln(1 + items).
    """

    ask: Ask
    catalog: Catalog
    online: OnlineModel
    sessions: SessionIndex
    batch: BoundBatch | None
    recent: NDArray[np.intp]
    weights: NDArray[np.float32]
    history: NDArray[np.intp]
    in_session: bool
    activity: float


def situation_of(
    ask: Ask, catalog: Catalog, online: OnlineModel, sessions: SessionIndex, batch: BoundBatch | None
) -> Situation:
    """Looks up the person's items."""
    user = ask.user
    known = () if user is None or not user.consent or user.flagged else user.recent
    recent, weights = _recent(known[: -RECENT - 1 : -1], catalog, ask.now)
    if ask.about is not None and (about := catalog.find(ask.about)) >= 0:
        own = recent != about
        recent = np.concatenate(([about], recent[own])).astype(np.intp)
        weights = np.concatenate(([1], weights[own] * _ABOUT_SHARE)).astype(np.float32)
    bought = () if user is None or not known else user.bought
    history = _history(known, bought, catalog)
    in_session = bool(known) and ask.now - known[-1].time < SESSION_GAP_US
    return Situation(
        ask, catalog, online, sessions, batch, recent, weights, history, in_session, float(np.log1p(len(history)))
    )


def _recent(
    newest_first: tuple[Recent, ...], catalog: Catalog, now: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    numbers, weights = [], []
    for place, each in enumerate(newest_first):
        number = catalog.find(each.item)
        if number >= 0:
            numbers.append(number)
            weights.append(counts_for(place, each.weight, now - each.time))
    return np.array(numbers, np.intp), np.array(weights, np.float32)


def counts_for(place: int, weight: float, age_us: int) -> float:
    """What one of a person's last items counts for.

    Args:
        place: 0 for the newest.
        weight: of `headrace.interactions.weights`.
        age_us: microseconds since the interaction.
    """
    return float(_PLACE_DECAY**place * (0.25 + min(max(weight, 0.0), 5.0) / 2) * 0.5 ** (age_us / (120.0 * DAY)))


def _history(known: tuple[Recent, ...], bought: tuple[str, ...], catalog: Catalog) -> NDArray[np.intp]:
    names = dict.fromkeys([*(each.item for each in reversed(known)), *reversed(bought)])
    return np.array([number for name in names if (number := catalog.find(name)) >= 0], np.intp)
