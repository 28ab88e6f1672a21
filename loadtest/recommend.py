"""How good recommendations are: `make bench NAME=recommend`; `--quick` judges every 5th moment.

Two public streams are replayed in the order of time through the recommender as it is served, without Kafka. At each
moment everybody is asked first and taught afterwards. All items are ranked, none are sampled; what a person already
rated isn't recommended again, what a customer already bought is.

- `last_left_out`: of everybody with at least two moments the last is predicted at its time and never learned, nor is
  what came of its answer.
- `step_by_step`: each of the later 40 % of the moments is predicted, then learned. In its table `time split` nothing is
  learned any more from 80 % of the moments on, but people's own past goes on.
- `baskets`: the same with a shop's invoices; a hit is a list with something of the next basket.

Parameters of the peers, and everything in the recommender, were chosen on the first 60 % of the moments, without those
that are held out: `make bench NAME=recommend_tuning`. Models that are trained anew are so every seven days of the
stream. Intervals are of 1,000 resamples of people.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from headrace.recommend.batch_model import ItemScores
from headrace.recommend.policy import Policies, load_policies
from loadtest import results
from loadtest.recommend_data import ROOT, Stream, last_held_out, movies, shop
from loadtest.recommend_judge import Verdicts, difference
from loadtest.recommend_peers import (
    DecayedPopularity,
    Ease,
    ImplicitAls,
    Interactions,
    ItemKnn,
    Peer,
    Popularity,
    ten_of,
)
from loadtest.recommend_system import System

WARM_UP, FROZEN = 0.6, 0.8
RETRAINED_DAYS = 7.0
BATCH_NEIGHBOURS = 100
SYSTEM = "the system"
COLD = 5
"""An item with fewer interactions is cold."""
REPLAYS = ("last_left_out", "step_by_step", "baskets")
TUNED: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "movietweetings": {"half_life": (2.0,), "knn": (50, 10.0), "ease": (20.0,), "als": (16, 0.01, 10.0)},
    "uci-online-retail": {"half_life": (14.0,), "knn": (1_000, 10.0), "ease": (100.0,), "als": (64, 0.01, 10.0)},
}
"""Stream → what `recommend_tuning` chose for the peers."""


def main() -> None:
    """Judges and prints tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="judge every 5th moment, write nothing")
    parser.add_argument("--only", choices=REPLAYS, help="one of the replays")
    parser.add_argument("--first", type=int, help="only so many moments of each stream; writes nothing")
    chosen = parser.parse_args()
    console = Console(highlight=False, width=170)
    policies = load_policies(ROOT / "deploy" / "recommendations.yaml")
    step = 5 if chosen.quick else 1
    for name in (chosen.only,) if chosen.only else REPLAYS:
        stream = shop() if name == "baskets" else movies()
        stream = replace(stream, moments=stream.moments[: chosen.first])
        if name == "last_left_out":
            stream = last_held_out(stream)
        figures = Replay(stream, policies, step, console).run(judge_held_out=name == "last_left_out")
        for table, found in figures["tables"].items():
            console.print(_table(f"{name}, {table}", found))
        if not chosen.quick and chosen.first is None:
            path = results.write(f"recommend_{name}", f"make bench NAME=recommend ARGS='--only {name}'", figures)
            console.print(f"written: {path.relative_to(ROOT)}")


class Replay:
    """One pass over a stream with the system and its peers side by side."""

    def __init__(self, stream: Stream, policies: Policies, step: int, console: Console) -> None:
        self._stream, self._step, self._console = stream, step, console
        again = stream.name != "movietweetings"
        self._past = Interactions(tuple(sorted({item.item for item in stream.items} | _named_items(stream))), again)
        self._system = System(stream.items, policies.of("baskets" if again else "home"))
        tuned = TUNED[stream.name]
        self._fill = DecayedPopularity(self._past, *tuned["half_life"])
        self._ease = Ease(self._past, RETRAINED_DAYS, *tuned["ease"])
        self._peers: dict[str, Peer] = {
            "popularity": Popularity(self._past),
            "decayed popularity": self._fill,
            "item-kNN": ItemKnn(self._past, RETRAINED_DAYS, *tuned["knn"]),
            "EASE": self._ease,
            "iALS": ImplicitAls(self._past, RETRAINED_DAYS, *tuned["als"]),
        }
        self._verdicts: dict[str, dict[str, Verdicts]] = defaultdict(lambda: defaultdict(Verdicts))
        self._version = 0

    def run(self, judge_held_out: bool = False) -> dict[str, Any]:
        """The figures of each contender by table; with `judge_held_out` of what is held out alone."""
        moments, began = self._stream.moments, time.process_time()
        frozen: tuple[System, dict[str, Peer], Interactions] | None = None
        for place, moment in enumerate(moments):
            if place % 5_000 == 0:
                self._console.print(f"{self._stream.name}: {place:,} moments")
            late = place >= WARM_UP * len(moments)
            judged = moment.held_out if judge_held_out else late and place % self._step == 0
            if not judge_held_out and place == int(FROZEN * len(moments)):
                frozen = copy.deepcopy((self._system, self._peers, self._past))
            if judged:
                self._judge(moment, self._parts(moment.subject, judge_held_out))
                if frozen is not None:
                    self._judge_frozen(moment, *frozen)
            if not moment.held_out:
                self._learn(moment, judged)
            if frozen is not None:
                frozen[0].follow(moment)
                frozen[2].follow(moment)
        items = len(self._past.items)
        return {
            "cpu_seconds": round(time.process_time() - began, 1),
            "exploration_cost": self._system.learner.publish(0, 0, 0)[0].cost,
            "tables": {name: _figures(verdicts, items) for name, verdicts in self._verdicts.items()},
        }

    def _parts(self, subject: str, held_out: bool) -> list[str]:
        """The tables that a moment belongs to."""
        past = len(self._past.of(subject))
        parts = ["all", "cold people" if not past else "known people"]
        return [*parts, "people with five or more"] if held_out and past >= 4 else parts

    def _judge(self, moment: Any, parts: list[str]) -> None:
        candidates = self._system.candidates(moment)
        answer = self._system.recommender.answer(candidates)
        lists = {SYSTEM: [item.item for item in answer.items]}
        lists |= {f"alone: {name}": shown for name, shown in self._system.alone(candidates).items()}
        fill = self._fill.scores(moment.subject, moment.time)
        if fill is None:
            return
        lists |= {
            name: ten_of(peer, self._past, moment.subject, moment.time, fill) for name, peer in self._peers.items()
        }
        targets = dict.fromkeys(parts, moment.targets)
        cold = frozenset(item for item in moment.targets if self._past.counts[self._past.number[item]] < COLD)
        if cold:
            targets["cold items"] = cold
        for part, wanted in targets.items():
            for name, shown in lists.items():
                self._verdicts[part][name].add(moment.subject, wanted, shown)
        if not moment.held_out:
            self._system.expose(moment, answer)

    def _judge_frozen(self, moment: Any, system: System, peers: Mapping[str, Peer], past: Interactions) -> None:
        answer = system.recommender.answer(system.candidates(moment))
        found = self._verdicts["time split"]
        found[SYSTEM].add(moment.subject, moment.targets, [item.item for item in answer.items])
        fill = peers["decayed popularity"].scores(moment.subject, moment.time)
        for name, peer in peers.items():
            shown = ten_of(peer, past, moment.subject, moment.time, np.zeros(0) if fill is None else fill)
            found[name].add(moment.subject, moment.targets, shown)

    def _learn(self, moment: Any, judged: bool) -> None:
        if not judged:
            self._system.expose(moment, self._system.recommender.answer(self._system.candidates(moment)))
        self._system.learn(moment)
        self._past.learn(moment)
        for peer in self._peers.values():
            peer.learn(moment)
        if self._ease.trainings != self._version:
            self._version = self._ease.trainings
            self._system.swap_batch(batch_of(self._ease, self._past, self._version))


def batch_of(ease: Ease, past: Interactions, version: int) -> ItemScores:
    """What EASE learned as the recommender serves it: the largest weights of each item."""
    kept = min(BATCH_NEIGHBOURS, ease.weights.shape[1] - 1)
    columns = np.argpartition(-ease.weights, kept, axis=1)[:, :kept].astype(np.int32)
    scores = np.take_along_axis(ease.weights, columns, axis=1).astype(np.float32)
    return ItemScores(version, tuple(past.items[number] for number in ease.known), columns, scores)


def _named_items(stream: Stream) -> set[str]:
    return {item for moment in stream.moments for item in moment.targets}


def _figures(verdicts: Mapping[str, Verdicts], items: int) -> dict[str, Any]:
    system = verdicts[SYSTEM]
    return {
        name: {**each.figures(items), **({} if each is system else {"system_better_by": difference(system, each)})}
        for name, each in verdicts.items()
    }


def _table(title: str, figures: Mapping[str, Any]) -> Table:
    table = Table(title=f"{title}: {figures[SYSTEM]['moments']:,} moments", title_justify="left")
    for heading in ("", "hit rate@10", "nDCG@10", "MRR@10", "coverage", "system's hit rate is better by"):
        table.add_column(heading)
    for name, each in sorted(figures.items(), key=lambda one: -one[1]["hit_rate"][0]):
        better = each.get("system_better_by", {}).get("hit_rate")
        cells = [_said(each[figure]) for figure in ("hit_rate", "ndcg", "mrr")]
        table.add_row(name, *cells, f"{each['coverage']:.1%}", "" if better is None else _said(better))
    return table


def _said(interval: list[float]) -> str:
    return f"{interval[0]:.4f} ({interval[1]:.4f} to {interval[2]:.4f})"


if __name__ == "__main__":
    main()
