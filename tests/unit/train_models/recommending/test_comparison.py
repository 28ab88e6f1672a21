"""The candidates beside each other, the gates, and what a file may say."""

from pathlib import Path

import numpy as np
import pytest

from headrace.errors import ConfigurationError
from tests.unit.train_models.recommending.toy import tastes
from train_models.choice.progress import NoProgress
from train_models.data.snapshots import About, Snapshot, _SnapshotFile
from train_models.model_file import load_model_file, load_model_files
from train_models.recommending.comparison import POPULARITY, Comparison, compared
from train_models.recommending.ranking_metrics import mean
from train_models.recommending.ranks import Ranks
from train_models.recommending.recommender_card import recommender_card, recommender_report
from train_models.recommending.recommender_file import (
    RecommenderFile,
    find_recommender,
    load_recommenders,
    with_candidates,
)
from train_models.recommending.recommender_gates import Judged, recommender_verdict
from train_models.recommending.recommender_manifest import files_of, manifest_of
from train_models.recommending.recommender_tables import rows_of

DEPLOY = Path(__file__).resolve().parents[4] / "deploy" / "models"
FILE = RecommenderFile.model_validate(
    {
        "name": "shop",
        "about": "What <people> come to",
        "task": "recommendation",
        "site": "here",
        "data": {"topic": {"name": "interactions.raw"}},
        "candidates": [
            {"algorithm": "ease", "penalty": [1, 1000], "least": 2},
            {"algorithm": "item_knn", "shrinkage": 5},
            {"algorithm": "als", "factors": 4, "regularization": 1, "alpha": 5, "iterations": 5},
        ],
        "validation": {"hold_out": 0.2, "choice": 0.2},
    }
)
SNAPSHOT = Snapshot(Path(), _SnapshotFile("5" * 64, 1_600, {}, 0, About(left_out={"records of erased subjects": 3})))


class Told(NoProgress):
    def __init__(self) -> None:
        self.parts: list[tuple[int, str]] = []
        self.steps: list[str] = []

    def start(self, total: int, what: str) -> None:
        self.parts.append((total, what))

    def advance(self, what: str, best: float | None) -> None:
        self.steps.append(what)


@pytest.fixture(scope="module")
def found() -> Comparison:
    return compared(tastes(200), FILE, NoProgress())


def test_the_best_is_chosen_and_all_are_judged_on_what_none_was_fitted_on(found: Comparison) -> None:
    past = tastes(200)
    assert {each.name for each in found.tried} == {"ease", "item_knn", "als"}
    assert found.chosen.chosen_by == max(each.chosen_by for each in found.tried)
    assert found.hold_out.times.min() >= found.fitted_until
    assert (past.times >= found.fitted_until).sum() == pytest.approx(0.2 * len(past), abs=2)
    assert mean("ndcg", found.chosen.judged) > 1.3 * mean("ndcg", found.baselines[POPULARITY])


def test_progress_is_told_by_combination() -> None:
    told = Told()
    compared(tastes(80), FILE, told)
    assert told.parts == [(4, "candidates"), (3, "judging")]
    assert len(told.steps) == 7


def test_the_first_version_must_be_better_than_popularity(found: Comparison) -> None:
    judged = Judged(found.hold_out, found.chosen.judged, found.baselines)
    verdict = recommender_verdict(FILE.gates, judged)
    assert verdict.passed and [gate.name for gate in verdict.gates] == [
        "better than popularity",
        "better than decayed popularity",
    ]
    turned = Judged(found.hold_out, found.baselines[POPULARITY], {POPULARITY: found.chosen.judged})
    assert recommender_verdict(FILE.gates, turned).failed == ("better than popularity",)


def test_a_later_one_must_be_better_than_the_champion_by_more_than_chance(found: Comparison) -> None:
    own = found.chosen.judged
    same = Judged(found.hold_out, own, found.baselines, own, "version 3")
    assert recommender_verdict(FILE.gates, same).failed == ("better than version 3",)
    worse = Ranks(np.where(np.arange(len(own.ranks)) % 4 == 0, np.inf, own.ranks), own.coverage)
    better = Judged(found.hold_out, own, found.baselines, worse, "version 3")
    assert recommender_verdict(FILE.gates, better).passed


def test_least_values_and_too_few_persons(found: Comparison) -> None:
    judged = Judged(found.hold_out, found.chosen.judged, found.baselines)
    hit_rate = mean("hit_rate", found.chosen.judged)
    wanted = FILE.gates.model_copy(update={"least": {"coverage": 0.1, "hit_rate": hit_rate + 0.01}})
    assert recommender_verdict(wanted, judged).failed == ("least hit_rate",)
    few = Judged(found.hold_out.since(int(found.hold_out.times.max())), found.chosen.judged, found.baselines)
    verdict = recommender_verdict(FILE.gates, few)
    assert not verdict.passed and "50 persons are needed" in verdict.gates[0].detail


def test_card_report_and_manifest_say_what_it_is(found: Comparison) -> None:
    files = files_of(FILE, found)
    manifest = manifest_of(FILE, found, SNAPSHOT, files, 1)
    assert manifest.is_recommender and not manifest.inputs and manifest.data_sha256 == SNAPSHOT.sha256
    low, value, high = (manifest.metrics[f"hold_out_ndcg{end}"] for end in ("_low", "", "_high"))
    assert low < value < high
    again = manifest_of(FILE, compared(tastes(200), FILE, NoProgress()), SNAPSHOT, files, 2)
    assert again.content_sha256 == manifest.content_sha256
    rows = rows_of(FILE, found)
    card = recommender_card(FILE, found, rows, SNAPSHOT, manifest)
    assert "All items that were known by then are ranked" in card and "3 records of erased subjects" in card
    page = recommender_report(FILE, found, rows, SNAPSHOT, manifest)
    assert "What &lt;people&gt; come to" in page and "<script" not in page
    assert "decayed popularity" in card and "decayed popularity" in page


def test_the_file_of_the_shop_is_right_and_no_model_of_rows() -> None:
    assert "shop_recommendations" in load_recommenders(DEPLOY)
    assert "shop_recommendations" not in load_model_files(DEPLOY)
    with pytest.raises(ConfigurationError, match="is a recommender, which is trained on interactions"):
        load_model_file("shop_recommendations", DEPLOY)
    assert find_recommender("telco_churn", DEPLOY) is None


def test_candidates_by_name() -> None:
    assert [each.algorithm for each in with_candidates(FILE, ("als",)).candidates] == ["als"]
    with pytest.raises(ConfigurationError, match="no candidate lasso; there are: ease, item_knn, als"):
        with_candidates(FILE, ("lasso",))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("candidates: [{algorithm: ease}, {algorithm: ease}]", "two are called ease"),
        ("candidates: [{algorithm: deep}]", "candidates.0"),
        ("candidates: [{algorithm: ease, penalty: 0}]", "greater than 0"),
        ("candidates: [{algorithm: ease, items: 100000}]", "less than or equal to 40000"),
        ("candidates: [{algorithm: als}]\nretraining: {drift_psi: 0.2}", "no inputs whose drift"),
        ("candidates: [{algorithm: als}]\ninputs: {a: number}", "inputs: Extra inputs"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    head = "task: recommendation\ndata: {topic: {name: interactions.raw}}\n"
    (tmp_path / "shop.yaml").write_text(head + text)
    with pytest.raises(ConfigurationError, match=says):
        find_recommender("shop", tmp_path)
