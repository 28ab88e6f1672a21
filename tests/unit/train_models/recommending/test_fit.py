"""What each algorithm learns: the closed form, who goes with whom, and the same each time."""

import numpy as np
import pytest

from headrace.errors import ConfigurationError
from headrace.models.recommender_files import SiteModel
from headrace.models.recommender_files import recommender_files as files_of
from headrace.recommend.batch_model import BatchModel, BoundFactors, ItemFactors, ItemScores
from headrace.recommend.catalog import Catalog
from tests.unit.train_models.recommending.toy import made, tastes
from train_models.recommending.ease import ease_weights
from train_models.recommending.fit import fit, learnable
from train_models.recommending.fitted_items import fitted_items
from train_models.recommending.recommender_file import AlsCandidate, Candidate, EaseCandidate, KnnCandidate
from train_models.recommending.recommender_manifest import content_sha256

EASE = EaseCandidate(algorithm="ease", least=1, neighbours=5)
ALS = AlsCandidate(algorithm="als", least=1, iterations=8)
KNN = KnnCandidate(algorithm="item_knn", least=1)


def fitted(candidate: Candidate, **params: float) -> BatchModel:
    return fit(learnable(tastes(), candidate), candidate, dict(params), 7)


def test_ease_is_the_closed_form() -> None:
    items = fitted_items(tastes(), least=1, most=100, weighted=False)
    dense = items.matrix.toarray().astype(np.float64)
    inverse = np.linalg.inv(dense.T @ dense + 3.0 * np.eye(dense.shape[1]))
    expected = -inverse / np.diag(inverse)[None, :]
    np.fill_diagonal(expected, 0)
    assert ease_weights(items, 3.0) == pytest.approx(expected, abs=1e-4)


def test_of_eases_weights_the_largest_are_served() -> None:
    items = fitted_items(tastes(), least=1, most=100, weighted=False)
    weights, model = ease_weights(items, 3.0), fitted(EASE, penalty=3.0)
    assert isinstance(model, ItemScores) and model.items == items.names
    for row in range(len(items.names)):
        best = np.sort(weights[row])[::-1][:5]
        assert model.scores[row] == pytest.approx(np.maximum(best, 0), abs=1e-6)
        kept = model.columns[row] >= 0
        assert weights[row, model.columns[row][kept]] == pytest.approx(model.scores[row][kept], abs=1e-6)


def test_item_knn_is_the_cosine() -> None:
    items = fitted_items(tastes(), least=1, most=100, weighted=False)
    dense = items.matrix.toarray()
    norms = np.linalg.norm(dense, axis=0)
    model = fitted(KNN, neighbours=3, shrinkage=0.0)
    assert isinstance(model, ItemScores)
    for row, (columns, own) in enumerate(zip(model.columns, model.scores, strict=True)):
        for column, score in zip(columns[columns >= 0], own[columns >= 0], strict=True):
            assert column != row
            cosine = dense[:, row] @ dense[:, column] / norms[row] / norms[column]
            assert score == pytest.approx(cosine, rel=1e-5)


def test_als_ranks_what_is_liked_together_first_for_somebody_new() -> None:
    items = learnable(tastes(noise=0.0), ALS)
    model = fit(items, ALS, {"factors": 2, "regularization": 1.0, "alpha": 10.0}, 7)
    assert isinstance(model, ItemFactors)
    catalog = Catalog()
    served = BoundFactors(model, catalog)
    own = np.array([catalog.find(item) for item in ("a0", "a1", "a2")], np.intp)
    person = served.person(own, np.ones(3, np.float32))
    assert person is not None
    numbers = np.array([catalog.find(item) for item in model.items], np.intp)
    order = np.argsort(-served.matches(person, numbers))
    first = [model.items[at] for at in order[:10]]
    assert all(item.startswith("a") for item in first), first


@pytest.mark.parametrize(
    ("candidate", "params"),
    [
        (EASE, {"penalty": 10.0}),
        (KNN, {"neighbours": 4, "shrinkage": 5.0}),
        (ALS, {"factors": 4, "regularization": 1.0, "alpha": 5.0}),
    ],
)
def test_the_same_interactions_and_seed_give_the_same_hash(candidate: Candidate, params: dict[str, float]) -> None:
    hashes = {content_sha256(files_of(SiteModel("here", 1, fitted(candidate, **params)))) for _ in range(2)}
    assert len(hashes) == 1


def test_another_seed_gives_other_factors() -> None:
    items = learnable(tastes(), ALS)
    params = {"factors": 4, "regularization": 1.0, "alpha": 5.0}
    first, second = (fit(items, ALS, dict(params), seed) for seed in (1, 2))
    assert isinstance(first, ItemFactors) and isinstance(second, ItemFactors)
    assert not np.array_equal(first.factors, second.factors)


def test_items_of_few_persons_are_left_out_and_at_most_so_many_are_kept() -> None:
    past = made((0, "all", 0), (1, "all", 1), (2, "all", 2), (0, "two", 3), (1, "two", 4), (2, "one", 5), (2, "one", 6))
    assert fitted_items(past, least=2, most=10, weighted=False).names == ("all", "two")
    assert fitted_items(past, least=1, most=2, weighted=False).names == ("all", "two")
    with pytest.raises(ConfigurationError, match="of 3 items 1 were of 3 persons or more"):
        fitted_items(past, least=3, most=10, weighted=False)


def test_the_strongest_interaction_counts_once() -> None:
    past = made((0, "x", 0), (0, "x", 1), (0, "y", 2), (1, "y", 3))
    past.weights[:] = (1.0, 5.0, 3.0, 1.0)
    matrix = fitted_items(past, least=1, most=10, weighted=True).matrix.toarray()
    assert matrix == pytest.approx(np.log2(1 + np.array([[5.0, 3.0], [0.0, 1.0]])))
    assert fitted_items(past, least=1, most=10, weighted=False).matrix.toarray().tolist() == [[1, 1], [0, 1]]


def test_a_penalty_that_leaves_nothing_to_invert() -> None:
    past = made(*((person, item, person) for person in range(4) for item in ("x", "y")))
    with pytest.raises(ConfigurationError, match="give a larger one"):
        ease_weights(fitted_items(past, least=1, most=10, weighted=False), 1e-12)
