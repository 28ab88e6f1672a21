"""A recommender is read as it was written; what was changed, or is out of bounds, is refused with what is wrong."""

import json
from pathlib import Path

import numpy as np
import pytest

from headrace.models.artifact import ArtifactError, load_artifact
from headrace.models.artifact_error import RecommenderArtifact
from headrace.models.deployments import Deployments, NotLoaded
from headrace.models.loaded_version import LoadedVersion
from headrace.models.manifest import RECOMMENDER_FILE
from headrace.models.recommender_files import (
    COLUMNS_FILE,
    FACTORS_FILE,
    SCORES_FILE,
    SiteModel,
    recommender_files,
)
from headrace.models.records import Promotion
from headrace.models.swap import Swap
from headrace.models.version_loader import VersionLoader
from headrace.recommend.batch_model import BatchModel, ItemFactors, ItemScores
from tests.recommender_artifacts import FITTED_UNTIL, factors, scores, write_recommender
from tests.served_models import ModelMaker
from tests.unit.headrace.models.small_model import KEY

ITEMS = ("cup", "pot", "jar")


def load(folder: Path) -> RecommenderArtifact:
    with pytest.raises(RecommenderArtifact) as raised:
        load_artifact(folder, manifest_sha256=None, public_keys=(KEY.public_key(),), scratch=folder.parent)
    return raised.value


def refused(folder: Path, model: BatchModel, changed: dict[str, bytes]) -> str:
    write_recommender(folder, KEY, model, changed=changed)
    with pytest.raises(ArtifactError) as raised:
        load_artifact(folder, manifest_sha256=None, public_keys=(KEY.public_key(),), scratch=folder.parent)
    assert not isinstance(raised.value, RecommenderArtifact)
    return str(raised.value)


def about(model: BatchModel, **changes: object) -> dict[str, bytes]:
    """`recommender.json` of a model, changed."""
    content = json.loads(recommender_files(SiteModel("default", FITTED_UNTIL, model))[RECOMMENDER_FILE])
    return {RECOMMENDER_FILE: json.dumps({**content, **changes}).encode()}


def test_item_scores_are_read_as_they_were_written(tmp_path: Path) -> None:
    written = scores(*ITEMS)
    write_recommender(tmp_path / "v1", KEY, written, site="here")
    found = load(tmp_path / "v1")
    model = found.found.model
    assert (found.found.site, found.found.fitted_until, found.card) == ("here", FITTED_UNTIL, "# goes with\n")
    assert isinstance(model, ItemScores) and model.items == ITEMS
    assert np.array_equal(model.columns, written.columns) and np.array_equal(model.scores, written.scores)


def test_item_factors_are_read_as_they_were_written(tmp_path: Path) -> None:
    written = factors(*ITEMS)
    write_recommender(tmp_path / "v1", KEY, written)
    model = load(tmp_path / "v1").found.model
    assert isinstance(model, ItemFactors) and np.array_equal(model.factors, written.factors)
    assert (model.alpha, model.regularization) == (10.0, 0.5)


def test_the_same_model_is_written_as_the_same_bytes() -> None:
    first, second = (recommender_files(SiteModel("here", 1, scores(*ITEMS))) for _ in range(2))
    assert first == second


def test_a_number_that_was_changed(tmp_path: Path) -> None:
    write_recommender(tmp_path / "v1", KEY, scores(*ITEMS))
    path = tmp_path / "v1" / SCORES_FILE
    content = bytearray(path.read_bytes())
    content[2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"scores\.array was changed"):
        load_artifact(tmp_path / "v1", manifest_sha256=None, public_keys=(KEY.public_key(),), scratch=tmp_path)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({SCORES_FILE: b"\0" * 20}, r"scores.array has 20 bytes, and 3 items with 2 numbers each take 24"),
        ({SCORES_FILE: np.array([1, 2, 3, 4, 5, np.nan], "<f4").tobytes()}, "no finite number"),
        ({COLUMNS_FILE: np.array([0, 1, 2, 3, -1, -1], "<i4").tobytes()}, "beyond the 3"),
        ({COLUMNS_FILE: np.array([0, 1, 2, -2, -1, -1], "<i4").tobytes()}, "beyond the 3"),
        ({RECOMMENDER_FILE: b"{}"}, "none that this version reads"),
        ({RECOMMENDER_FILE: b"\x80\x04N."}, "none that this version reads"),
        (about(scores(*ITEMS), width=1_000_000), "1,000,000 numbers each"),
        (about(scores(*ITEMS), width=0), "at least 1"),
        (about(scores(*ITEMS), items=["cup", "cup", "jar"]), "an item twice"),
        (about(scores(*ITEMS), items=["cup", "", "jar"]), "no item is called"),
        (about(scores(*ITEMS), code="os.system"), "none that this version reads"),
        (about(scores(*ITEMS), form="item_factors"), "needs factors.array"),
    ],
)
def test_signed_and_wrong(tmp_path: Path, changed: dict[str, bytes], says: str) -> None:
    assert says in refused(tmp_path / "v1", scores(*ITEMS), changed)


@pytest.mark.parametrize("changes", [{"regularization": 0}, {"alpha": -1.0}])
def test_factors_of_which_no_person_can_be_solved_for(tmp_path: Path, changes: dict[str, object]) -> None:
    model = factors(*ITEMS)
    assert "regularization above 0" in refused(tmp_path / "v1", model, about(model, **changes))


def test_more_numbers_than_a_server_would_hold(tmp_path: Path) -> None:
    items = [f"i{number}" for number in range(60_000)]
    said = refused(tmp_path / "v1", factors(*ITEMS), about(factors(*ITEMS), items=items, width=1_000))
    assert "60,000 items with 1,000 numbers each" in said and "50,000,000 in all" in said


def test_an_array_that_is_missing(tmp_path: Path) -> None:
    write_recommender(tmp_path / "v1", KEY, factors(*ITEMS))
    (tmp_path / "v1" / FACTORS_FILE).unlink()
    with pytest.raises(ArtifactError, match=r"lacks 'factors\.array'"):
        load_artifact(tmp_path / "v1", manifest_sha256=None, public_keys=(KEY.public_key(),), scratch=tmp_path)


def test_promoted_it_runs_beside_models_of_rows_and_a_bad_one_leaves_the_last_good_one(tmp_path: Path) -> None:
    maker = ModelMaker(tmp_path)
    deployments: Deployments[LoadedVersion] = Deployments()
    swap = Swap(VersionLoader(maker.keys, "MODEL_KEYS", tmp_path / "scratch").load, deployments)
    first = write_recommender(tmp_path / "v1", maker.key, scores(*ITEMS), version=7)
    assert swap.apply(Promotion("goes_with", 1, first, 1)) is None
    runs = deployments.promoted("goes_with")
    assert runs.recommenders["champion"].found.model.version == 7
    assert runs.manifest.metrics == {"hold_out_ndcg": 0.25} and not runs.versions
    with pytest.raises(NotLoaded, match="GET /v1/recommendations"):
        _ = runs.champion
    bad = write_recommender(tmp_path / "v2", maker.key, scores(*ITEMS), version=8, changed={SCORES_FILE: b""})
    assert swap.apply(Promotion("goes_with", 2, bad, 1)) is not None
    stays = deployments.promoted("goes_with")
    assert stays.recommenders["champion"].number == 7 and "scores.array" in stays.problems["champion"]


def test_a_version_of_another_model_is_refused(tmp_path: Path) -> None:
    maker = ModelMaker(tmp_path)
    loader = VersionLoader(maker.keys, "MODEL_KEYS", tmp_path / "scratch")
    other = write_recommender(tmp_path / "v1", maker.key, scores(*ITEMS), name="another")
    with pytest.raises(Exception, match="one of model another") as raised:
        loader.load("goes_with", other)
    assert not isinstance(raised.value, RecommenderArtifact)
