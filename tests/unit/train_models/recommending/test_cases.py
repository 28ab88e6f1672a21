"""What is to be foretold, from what, and at which rank a model has it."""

import numpy as np
import pytest

from headrace.recommend.batch_model import BoundScores
from headrace.recommend.catalog import Catalog
from headrace.recommend.situation import counts_for
from tests.recommender_artifacts import factors, scores
from tests.unit.train_models.recommending.toy import DAY, made, tastes
from train_models.recommending.cases import cases_of, split_at
from train_models.recommending.popularity import decayed_popularity, popularity
from train_models.recommending.ranking_metrics import estimates, mean, paired_test
from train_models.recommending.ranks import Ranks, ranks_of_model, ranks_of_scores

PAST = made((0, "x", 0), (1, "y", 1), (0, "y", 2), (2, "z", 3), (0, "x", 4), (1, "z", 4), (1, "x", 4), (1, "new", 5))


def test_a_case_is_a_new_item_of_somebody_known_and_what_they_did_before_it() -> None:
    cases = cases_of(PAST, 4, len(PAST), 100, seed=1)
    assert sorted(PAST.items[target] for target in cases.targets) == ["new", "x", "z"]
    assert cases.known == 3
    for case, target in enumerate(cases.targets):
        own = [PAST.items[item] for item in cases.history[cases.bounds[case] : cases.bounds[case + 1]]]
        seen = [PAST.items[item] for item in cases.own[slice(*cases.seen[case])]]
        assert own == (["x", "z", "y"] if PAST.items[target] == "new" else ["y"])
        assert sorted(seen) == sorted(own)


def test_what_comes_at_one_moment_tells_nothing_of_itself_and_is_never_split() -> None:
    assert split_at(PAST, 0.3) == 4
    assert split_at(PAST, 0.2) == 4


def test_the_past_counts_as_it_does_in_serving() -> None:
    past = made((0, "x", 0), (0, "y", 3 * DAY), (0, "z", 9 * DAY))
    cases = cases_of(past, 2, 3, 10, seed=1)
    assert cases.weights == pytest.approx([counts_for(0, 1.0, 6 * DAY), counts_for(1, 1.0, 9 * DAY)])


def test_who_is_new_is_counted_and_is_no_case() -> None:
    cases = cases_of(made((0, "x", 0), (1, "x", 1), (1, "y", 2)), 1, 3, 10, seed=1)
    assert (len(cases), cases.cold) == (1, 1)


def test_cases_since_a_time() -> None:
    cases = cases_of(PAST, 4, len(PAST), 100, seed=1)
    later = cases.since(5)
    assert [PAST.items[target] for target in later.targets] == ["new"]
    assert [PAST.items[item] for item in later.history] == ["x", "z", "y"]
    assert later.bounds.tolist() == [0, 3]


def test_persons_are_drawn_by_the_seed() -> None:
    past = tastes()
    first, again, other = (cases_of(past, 800, len(past), 30, seed) for seed in (1, 1, 2))
    assert 30 <= len(first) < 60
    assert np.array_equal(first.targets, again.targets)
    assert not np.array_equal(first.people[:10], other.people[:10])


def test_a_known_item_is_ranked_and_one_that_is_new_itself_is_missed() -> None:
    cases = cases_of(PAST, 4, len(PAST), 100, seed=1)
    found = ranks_of_model(scores("x", "y", "z"), PAST.items, cases)
    ranks = {PAST.items[target]: rank for target, rank in zip(cases.targets, found.ranks, strict=True)}
    # y speaks for z, and for nothing else.
    assert ranks == {"z": 1.0, "x": 2.0, "new": np.inf}
    assert found.coverage == pytest.approx(1 / 3)


def test_factors_rank_what_a_persons_items_are_like() -> None:
    past = made((0, "x", 0), (1, "y", 1), (1, "z", 2), (2, "z", 3), (0, "z", 4), (2, "x", 5))
    cases = cases_of(past, 4, len(past), 100, seed=1)
    found = ranks_of_model(factors("x", "y", "z"), past.items, cases)
    assert found.ranks.tolist() == [1.0, 1.0]


def test_the_scores_are_those_of_the_bound_model() -> None:
    past = tastes(60)
    cases = cases_of(past, 400, len(past), 100, seed=1)
    model = scores(*past.items)
    catalog = Catalog()
    for item in past.items:
        catalog.number(item)
    served = BoundScores(model, catalog)
    ranks = ranks_of_model(model, past.items, cases).ranks
    for case in range(len(cases)):
        own = slice(cases.bounds[case], cases.bounds[case + 1])
        numbers, each = served.neighbours(cases.history[own].astype(np.intp), cases.weights[own])
        dense = np.zeros(cases.known)
        np.add.at(dense, numbers, each)
        dense[cases.own[slice(*cases.seen[case])]] = -np.inf
        target = cases.targets[case]
        above, equal = (dense > dense[target]).sum(), (dense == dense[target]).sum()
        assert ranks[case] == pytest.approx(1 + above + (equal - 1) / 2)


def test_among_equals_the_mean_place_counts() -> None:
    cases = cases_of(PAST, 4, len(PAST), 100, seed=1)
    ranks = ranks_of_scores(np.zeros(3), cases).ranks
    assert sorted(ranks) == [1.5, 1.5, np.inf]


def test_popularity_and_what_is_popular_lately() -> None:
    past = made((0, "old", 0), (1, "old", 0), (2, "old", 0), (0, "new", 14 * DAY), (1, "new", 14 * DAY))
    assert popularity(past, 2).tolist() == [3, 2]
    assert decayed_popularity(past, 2, 7.0) == pytest.approx([0.75, 2.0])


def test_metrics_of_ranks() -> None:
    ranks = Ranks(np.array([1.0, 3.0, 10.5, np.inf]), 0.5)
    assert mean("hit_rate", ranks) == 0.5
    assert mean("ndcg", ranks) == pytest.approx((1 + 0.5) / 4)
    assert mean("mrr", ranks) == pytest.approx((1 + 1 / 3 + 1 / 10.5) / 4)


def test_a_person_with_many_cases_is_no_more_evidence_than_one() -> None:
    random = np.random.default_rng(1)
    few, ranks = np.repeat(np.arange(10), 100), np.repeat(random.choice([1.0, 100.0], 10), 100)
    wide = estimates(Ranks(ranks, 0), few, 1)["hit_rate"]
    narrow = estimates(Ranks(ranks, 0), np.arange(1_000), 1)["hit_rate"]
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_a_paired_test_tells_what_is_better_beyond_chance() -> None:
    random = np.random.default_rng(1)
    people = np.arange(400)
    worse = Ranks(random.choice([1.0, 20.0], 400), 0)
    better = Ranks(np.where(random.random(400) < 0.2, 1.0, worse.ranks), 0)
    assert paired_test("ndcg", better, worse, people).is_better()
    assert not paired_test("ndcg", worse, better, people).is_better()
    shuffled = Ranks(random.permutation(worse.ranks), 0)
    assert paired_test("ndcg", shuffled, worse, people).p_value > 0.05
