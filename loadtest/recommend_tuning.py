"""Chooses the parameters of what the recommender is measured against: `make bench NAME=recommend_tuning`.

On the first 60 % of the moments without those that `recommend` holds out: everything before the last tenth of them is
learned, models are trained once, and every third moment of that tenth is judged. The best hit rate is chosen, of equal
ones the better nDCG; `recommend.TUNED` has what came out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

from rich.console import Console

from loadtest import results
from loadtest.recommend import RETRAINED_DAYS, WARM_UP
from loadtest.recommend_data import Stream, last_held_out, movies, shop
from loadtest.recommend_judge import Verdicts
from loadtest.recommend_peers import DecayedPopularity, Ease, ImplicitAls, Interactions, ItemKnn, Peer, Trained, ten_of

GRIDS: Mapping[str, tuple[tuple[Any, ...], ...]] = {
    "half_life": tuple((days,) for days in (0.25, 0.5, 1.0, 2.0, 5.0, 14.0, 30.0)),
    "knn": tuple(product((50, 200, 1_000), (0.0, 10.0))),
    "ease": tuple((penalty,) for penalty in (20.0, 100.0, 500.0, 2_000.0)),
    "als": tuple(product((16, 64), (0.01, 1.0), (1.0, 10.0))),
}
_EVERY = 3


def main() -> None:
    """Judges each setting and prints the chosen ones."""
    console = Console(highlight=False, width=120)
    figures = {}
    for stream in (last_held_out(movies()), shop()):
        figures[stream.name] = tuned(stream, console)
    results.write("recommend_tuning", "make bench NAME=recommend_tuning", figures)


def tuned(stream: Stream, console: Console) -> dict[str, Any]:
    """Parameter → what each setting of its grid came to, and the best."""
    moments = [moment for moment in stream.moments[: int(WARM_UP * len(stream.moments))] if not moment.held_out]
    start = len(moments) * 5 // 6
    items = {item.item for item in stream.items} | {item for moment in moments for item in moment.targets}
    past = Interactions(tuple(sorted(items)), again=stream.name != "movietweetings")
    makers: Mapping[str, Callable[..., Peer]] = {
        "half_life": lambda days: DecayedPopularity(past, days),
        "knn": lambda *setting: ItemKnn(past, RETRAINED_DAYS, *setting),
        "ease": lambda *setting: Ease(past, RETRAINED_DAYS, *setting),
        "als": lambda *setting: ImplicitAls(past, RETRAINED_DAYS, *setting),
    }
    peers = {(name, setting): makers[name](*setting) for name, grid in GRIDS.items() for setting in grid}
    lively = {key: peer for key, peer in peers.items() if not isinstance(peer, Trained)}
    fill = peers["half_life", (1.0,)]
    for moment in moments[:start]:
        past.learn(moment)
        for peer in lively.values():
            peer.learn(moment)
    verdicts = {key: Verdicts() for key in peers}
    for peer in peers.values():
        if isinstance(peer, Trained):
            peer.train()
    for place, moment in enumerate(moments[start:]):
        if place % _EVERY == 0:
            filling = fill.scores(moment.subject, moment.time)
            for key, peer in peers.items():
                shown = ten_of(peer, past, moment.subject, moment.time, filling)  # type: ignore[arg-type]
                verdicts[key].add(moment.subject, moment.targets, shown)
        past.learn(moment)
        for peer in lively.values():
            peer.learn(moment)
    found: dict[str, Any] = {}
    for name, grid in GRIDS.items():
        came_to = {setting: _mean(verdicts[name, setting]) for setting in grid}
        best = max(came_to, key=lambda setting: came_to[setting])
        console.print(stream.name, name, best, {str(setting): each for setting, each in came_to.items()})
        found[name] = {"best": best, "grid": [[setting, *each] for setting, each in came_to.items()]}
    return found


def _mean(verdicts: Verdicts) -> tuple[float, float]:
    count = len(verdicts.hits)
    return round(sum(verdicts.hits) / count, 5), round(sum(verdicts.ndcg) / count, 5)


if __name__ == "__main__":
    main()
