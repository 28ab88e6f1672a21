"""Which batch model each site answers with, as promotions come and go."""

from typing import Any

import pytest

from headrace.models.deployments import Deployment, RecommenderVersion
from headrace.models.recommender_files import SiteModel
from headrace.models.records import ModelVersion, Promotion, Role
from headrace.models.shares import share_of
from headrace.recommend.asked import Ask
from headrace.recommend.policy import Policy
from serve_api.predictions.answers import model_detail
from serve_api.predictions.deployments import Deployments
from serve_api.problems import Problem
from serve_api.recommendations.batch_versions import BatchVersions, SiteBatch, site_batches
from tests.recommender_artifacts import recommender_manifest, scores
from tests.unit.serve_api.shop_in_memory import SITE, Shop

ITEMS = ("i0", "i1", "i2")


def deployed(name: str = "goes_with", site: str = SITE, share: float = 0.0, **versions: int) -> Deployment[Any]:
    """A deployment with these versions by role."""
    made: dict[Role, RecommenderVersion] = {}
    for role, number in versions.items():
        version, found = ModelVersion(number, "", ""), SiteModel(site, 0, scores(*ITEMS, version=number))
        made[role] = RecommenderVersion(version, recommender_manifest(name), found, "# card")  # type: ignore[index]
    promotion = Promotion(name, 1, ModelVersion(1, "", ""), 1, canary_share=share)
    return Deployment(promotion, recommenders=made)


class Served:
    """What sites were told."""

    def __init__(self) -> None:
        self.now: dict[str, tuple[int, int | None] | None] = {}
        self.calls = 0
        self.batches = BatchVersions()

    def begin(self) -> None:
        self.batches.begin(self.serve, self.serve)

    def serve(self, site: str, batch: SiteBatch | None) -> None:
        self.calls += 1
        canary = batch.canary.version if batch is not None and batch.canary is not None else None
        self.now[site] = None if batch is None else (batch.champion.version, canary)


def test_what_was_promoted_before_there_are_sites_is_served_once_there_are() -> None:
    served = Served()
    served.batches.take(deployed(champion=1))
    served.batches.take(deployed(champion=2))
    assert served.now == {}
    served.begin()
    assert served.now == {SITE: (2, None)} and served.calls == 1


def test_swaps_rollbacks_and_withdrawals() -> None:
    served = Served()
    served.begin()
    for version in (1, 2, 1):
        served.batches.take(deployed(champion=version))
        assert served.now == {SITE: (version, None)}
    calls = served.calls
    served.batches.take(deployed(champion=1))
    assert served.calls == calls
    served.batches.withdraw("another")
    served.batches.withdraw("goes_with")
    assert served.now == {SITE: None}


def test_a_canary_begins_and_ends() -> None:
    served = Served()
    served.begin()
    served.batches.take(deployed(champion=1))
    served.batches.take(deployed(champion=1, canary=2, share=0.3))
    assert served.now == {SITE: (1, 2)}
    served.batches.take(deployed(champion=1))
    assert served.now == {SITE: (1, None)}


def test_a_model_of_rows_changes_nothing() -> None:
    served = Served()
    served.begin()
    served.batches.take(deployed())
    assert served.calls == 0


def test_of_two_models_of_a_site_the_first_by_name_is_served_until_it_goes() -> None:
    served = Served()
    served.begin()
    served.batches.take(deployed("beta", champion=5))
    served.batches.take(deployed("alpha", champion=3))
    served.batches.take(deployed("gamma", site="elsewhere", champion=4))
    assert served.now == {SITE: (3, None), "elsewhere": (4, None)}
    served.batches.withdraw("alpha")
    assert served.now[SITE] == (5, None)


def test_a_canary_of_another_site_is_not_tried() -> None:
    two = deployed(champion=1, share=0.5)
    other = deployed(site="elsewhere", canary=2)
    mixed: Deployment[Any] = Deployment(two.promotion, recommenders={**two.recommenders, **other.recommenders})
    assert site_batches([mixed])[SITE].canary is None


def test_answers_name_the_version_that_is_served_and_miss_none_that_was_withdrawn() -> None:
    shop = Shop()
    shop.fill()
    shop.site.serve_batch(SiteBatch("goes_with", scores(*ITEMS, version=4)))
    assert _batch_of(shop, "ann") == 4 and shop.site.has_batch
    shop.site.serve_batch(None)
    assert _batch_of(shop, "ann") is None and not shop.site.has_batch


def test_a_canary_answers_its_share_of_the_persons_and_always_the_same() -> None:
    shop = Shop()
    shop.fill()
    shop.site.serve_batch(SiteBatch("goes_with", scores(*ITEMS, version=4), scores(*ITEMS, version=5), 0.25))
    people = [f"person-{number}" for number in range(400)]
    tried = [subject for subject in people if _batch_of(shop, subject) == 5]
    assert tried == [subject for subject in people if share_of("goes_with", subject) < 0.25]
    assert 60 < len(tried) < 140
    assert _batch_of(shop, None) == 4


def test_a_model_is_shown_and_rows_that_are_sent_to_it_are_told_what_to_ask_instead() -> None:
    deployments = Deployments()
    deployments.note_read()
    deployments.put(deployed(champion=3, canary=4, share=0.1))
    shown = model_detail(deployments.find("goes_with"))
    assert [(each["role"], each["version"], each["runs_in"]) for each in shown["model"]["versions"]] == [
        ("champion", 3, "serve_api"),
        ("canary", 4, "serve_api"),
    ]
    assert shown["model"]["task"] == "recommendation"
    assert (shown["card"], shown["input_schema"]) == ("# card", None)
    with pytest.raises(Problem) as raised:
        deployments.find_loaded("goes_with")
    assert raised.value.status == 409 and "GET /v1/recommendations" in raised.value.detail
    assert deployments.champions() == {}


def _batch_of(shop: Shop, subject: str | None) -> int | None:
    ask = Ask(None, "home", 3, shop.clock.now_us(), Policy(), 1)
    return shop.site.recommender_of(subject).recommend(ask).versions.get("batch")
