"""How often experiments call what isn't there, and find what is: `python -m loadtest.ab_tests`, no Kafka needed.

Each simulated experiment has two arms of people who convert or not, and is looked at 50 times on the way to 10,000
people an arm; it is called as soon as one look calls it. Without an effect that may happen in at most 5 % of the
experiments; with one it should happen often. Beside the confidence sequence by which results are judged stand a z-test
at each look, which is what peeking at an ordinary test does, and the same z-test once, at the end. A second world has
revenue in place of conversions; in a third few convert, and few people are in the treatment, as one begins with what
may do harm; a fourth shows the check of the arms' sizes.

A part goes the whole way: people are assigned by hash, answers and interactions pass the accumulators, and their sums
are judged as the API judges them.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterable, Iterator

import numpy as np

from headrace.experiments.arm_estimates import estimate
from headrace.experiments.comparison import Comparison, compare
from headrace.experiments.confidence_sequence import tuning
from headrace.experiments.sample_ratio import chi_squared_p, sequential_p
from headrace.interactions.records import Sums
from loadtest import results
from loadtest.ab_pipeline import run_many
from loadtest.ab_simulation import (
    Plan,
    World,
    conversion_looks,
    conversions,
    enrolments,
    revenue_looks,
    revenues,
)

ALPHA = 0.05
MISMATCH_ALPHA = 0.001
TUNED_FOR = 5_000
EFFECTS = (0.0, 0.01, 0.02)
_Z = 1.959964
_RHO = tuning(ALPHA, TUNED_FOR)
Looks = Iterable[dict[str, Sums]]


def look(sums: dict[str, Sums], use_past: bool, scale: int = 1) -> Comparison | None:
    """The treatment beside the control, as results have it; None while there is nothing to compare."""
    arms = estimate(sums, scale, use_past).arms
    return compare(arms["control"], arms["treatment"], ALPHA, _RHO)


def calls(looks: Looks, scale: int = 1) -> dict[str, bool]:
    """By each method, whether one experiment was called."""
    plain, adjusted, zs = False, False, [0.0]
    for sums in looks:
        found = look(sums, False, scale)
        with_past = look(sums, True, scale) if any(each.x for each in sums.values()) else found
        if found is None or with_past is None:
            continue
        plain = plain or not found.lower <= 0 <= found.upper
        adjusted = adjusted or not with_past.lower <= 0 <= with_past.upper
        zs.append(abs(found.difference / found.error))
    return {
        "confidence_sequence": plain,
        "confidence_sequence_cuped": adjusted,
        "z_test_at_each_look": max(zs) > _Z,
        "z_test_at_the_end": zs[-1] > _Z,
    }


def rates(experiments: Iterator[Looks], count: int, scale: int = 1) -> dict[str, dict[str, float]]:
    """By each method, the share that was called, with its 95 % interval by Wilson."""
    called: dict[str, int] = {}
    for looks in experiments:
        for method, is_called in calls(looks, scale).items():
            called[method] = called.get(method, 0) + is_called
    return {method: with_interval(hits, count) for method, hits in called.items()}


def with_interval(hits: int, count: int) -> dict[str, float]:
    """A share and its 95 % interval by Wilson."""
    share, z2 = hits / count, _Z**2
    middle, off = share + z2 / (2 * count), _Z * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    return {"rate": share, "low": (middle - off) / (1 + z2 / count), "high": (middle + off) / (1 + z2 / count)}


def conversion_rates(plan: Plan, effect: float, seed: int) -> dict[str, dict[str, float]]:
    """People convert at 10 %, with a treatment that adds `effect`."""
    counts = conversions(plan, World(), effect, np.random.default_rng(seed))
    return rates((conversion_looks(each) for each in counts), plan.experiments)


def rare_rates(plan: Plan, treated: float, seed: int) -> dict[str, dict[str, float]]:
    """People convert at 0.5 %, a share of them in the treatment; no effect."""
    world = World(if_before=0.0275, if_not=0.0025)
    counts = conversions(plan, world, 0.0, np.random.default_rng(seed), treated)
    found = rates((conversion_looks(each) for each in counts), plan.experiments)
    return {method: each for method, each in found.items() if method.startswith("confidence_sequence")}


def revenue_rates(plan: Plan, seed: int) -> dict[str, dict[str, float]]:
    """10 % buy, for lognormal amounts; no effect."""
    sums = revenues(plan, 0.1, np.random.default_rng(seed))
    found = rates((revenue_looks(plan, each) for each in sums), plan.experiments, scale=100)
    del found["confidence_sequence_cuped"]
    return found


def mismatch_rates(plan: Plan, share: float, seed: int) -> dict[str, dict[str, float]]:
    """How often arms that were planned as halves are called mismatched, where one gets `share`."""
    found = {"sequential": 0, "chi_squared_at_each_look": 0}
    for looks in enrolments(plan, share, np.random.default_rng(seed)).tolist():
        found["sequential"] += any(sequential_p(each, (0.5, 0.5)) < MISMATCH_ALPHA for each in looks)
        found["chi_squared_at_each_look"] += any(chi_squared_p(each, (0.5, 0.5)) < MISMATCH_ALPHA for each in looks)
    return {method: with_interval(hits, plan.experiments) for method, hits in found.items()}


def main() -> None:
    """Simulates, prints and writes results/ab_tests.json."""
    options = _arguments()
    plan, begin = Plan(options.experiments, options.looks, options.people), time.monotonic()
    print(f"{plan.experiments:,} experiments, {plan.looks} looks to {plan.people:,} people an arm; called at any look:")
    by_effect = {}
    for effect in EFFECTS:
        by_effect[f"{effect:+.2f}"] = _say(f"10 % convert, effect {effect:+.0%}", conversion_rates(plan, effect, 1))
    revenue = _say("revenue, no effect", revenue_rates(plan, 2))
    rare = {
        f"{treated:.2f}": _say(f"0.5 % convert, {treated:.0%} treated", rare_rates(plan, treated, 4))
        for treated in (0.5, 0.1)
    }
    shares = (0.5, 0.51, 0.52)
    mismatch = {f"{share:.2f}": _say(f"arms of {share:.0%}", mismatch_rates(plan, share, 3)) for share in shares}
    whole = [
        {"effect": effect, **run_many(options.whole, 2 * plan.people, plan.looks, effect, _progress)}
        for effect in (0.0, 0.02)
    ]
    print(f"the whole way: {whole}")
    figures = {
        "parameters": {**vars(options), "alpha": ALPHA, "tuned_for": TUNED_FOR, "conversion": World().base},
        "called": by_effect,
        "called_revenue_without_effect": revenue,
        "called_rare_without_effect_by_share_treated": rare,
        "called_mismatched": mismatch,
        "whole_way": whole,
        "seconds": round(time.monotonic() - begin),
    }
    print(f"wrote {results.write('ab_tests', 'make bench NAME=ab_tests', figures)}")


def _say(title: str, found: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    print(f"  {title:28}" + "  ".join(f"{method} {each['rate']:.3f}" for method, each in found.items()))
    return found


def _progress(said: str) -> None:
    print(f"  {said}", end="\r", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--experiments", type=int, default=4_000)
    parser.add_argument("--looks", type=int, default=50)
    parser.add_argument("--people", type=int, default=10_000, help="in each arm at the last look")
    parser.add_argument(
        "--whole", type=int, default=100, help="experiments that go the whole way, with and without effect"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
