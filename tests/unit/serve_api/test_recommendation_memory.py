"""What is held in memory of people, items and answers."""

import pytest

from headrace.errors import ConfigurationError
from headrace.experiments.experiment import Experiment
from headrace.experiments.experiments import Experiments
from headrace.interactions.records import Item, Session
from headrace.recommend.policy import Policies
from headrace.records import encode
from serve_api.places import Places
from serve_api.problems import Problem
from serve_api.recommendations.policies import AnswerPolicies
from serve_api.recommendations.quality import Quality
from serve_api.recommendations.sites import MAX_SITES, Sites
from serve_api.recommendations.users import Users, appended_of
from tests.unit.serve_api.shop_in_memory import SITE, features


def test_who_was_heard_of_least_recently_leaves_when_memory_is_full() -> None:
    value = encode(features("a", "x"))
    users = Users(3 * (len(value) + 250))
    for subject in "abc":
        users.put(subject, value)
    users.put("a", value)
    users.put("d", value)
    assert [users.get(SITE, subject) is not None for subject in "abcd"] == [True, False, True, True]
    assert (len(users), users.forgotten, users.bytes) == (3, 1, 3 * (len(value) + 250))
    for subject in "abcd":
        users.drop(subject)
    assert (len(users), users.bytes) == (0, 0)


def test_who_does_not_consent_or_is_no_person_is_never_forgotten() -> None:
    users = Users(1)
    refusing, flagged = features("a", consent=False), features("b")
    flagged.flagged = True
    for each in (refusing, flagged, *(features(f"c{number}", "x") for number in range(9))):
        users.put(each.subject, encode(each))
    assert users.get(SITE, "a") == refusing and users.get(SITE, "b") == flagged
    assert len(users) == 3
    users.put("a", encode(features("a", "x")))
    assert users.get(SITE, "a") == features("a", "x")
    users.put("a", encode(refusing))
    assert users.get(SITE, "a") == refusing
    users.drop("a")
    assert users.get(SITE, "a") is None


def test_the_append_time_is_read_alone() -> None:
    assert appended_of(encode(features("a", "x"))) == 1
    assert appended_of(b"{") is None


def test_invented_items_and_sites_take_no_place() -> None:
    sites = Sites(10)
    site = sites.of(SITE)
    site.put_item(Item(SITE, "real", 1))
    site.put_session(Session(SITE, "ann", 1, 2, 1, ("invented", "real")), only_known=True)
    assert site.catalog.find("invented") < 0 and len(site.sessions) == 1
    for number in range(MAX_SITES + 10):
        sites.of(f"s{number}")
    assert len(sites._sites) == MAX_SITES


def test_the_catalog_is_listed_in_order_whatever_comes_and_goes() -> None:
    site = Sites(10).of(SITE)
    for name in "cabd":
        site.put_item(Item(SITE, name, 1))
    site.put_item(Item(SITE, "a", 2, title="anew"))
    site.remove_item("c")
    site.remove_item("never there")
    assert [item.item for item in site.items_from(None)] == ["a", "b", "d"]
    assert [item.item for item in site.items_from("b")] == ["d"]
    assert [item.item for item in site.items_from("c")] == ["d"]
    assert site.listed == 3


def test_coverage_novelty_and_popularity_of_the_last_answers() -> None:
    quality = Quality({"hit": 0.5, "rare": 0.125}.get, answers=2)  # type: ignore[arg-type]
    quality.add(["gone"])
    quality.add(["hit", "rare"])
    quality.add(["hit"])
    assert quality.coverage(4) == 0.5
    # Two places of one bit and one of three.
    assert quality.novelty() == pytest.approx(5 / 3)
    assert quality.popular_share(frozenset({"hit"})) == pytest.approx(2 / 3)
    assert Quality(lambda _: 0.0).coverage(0) == Quality(lambda _: 0.0).novelty() == 0


def test_a_request_narrows_a_surface_and_never_widens_it() -> None:
    policies = Policies.model_validate({"surfaces": {"books": {"filters": {"only_categories": ["novel", "poem"]}}}})
    answers = AnswerPolicies(policies, Experiments())
    assert answers.of("books", "personal", {}, "novel").filters.only_categories == ("novel",)
    assert "knife" not in answers.of("books", "personal", {}, "knife").filters.only_categories
    assert answers.of("books", "personal", {}, "knife").filters.only_categories != ()
    assert answers.of("home", "personal", {}, "knife").filters.only_categories == ("knife",)


def test_an_arm_that_sets_what_no_policy_has_is_refused_at_the_start() -> None:
    arms = {"one": {"share": 0.5}, "other": {"share": 0.5, "policy": {"diversty": {"likeness_cost": 1}}}}
    metrics = {"bought": {"measure": "happened", "kinds": ["purchase"]}}
    given = {"name": "tried", "state": "running", "start": "2020-01-01T00:00:00Z", "arms": arms}
    experiments = Experiments([Experiment.model_validate({**given, "metrics": metrics, "primary": "bought"})])
    with pytest.raises(ConfigurationError, match=r"tried, arm other.*diversty"):
        AnswerPolicies(Policies(), experiments)


def test_places_are_bounded_and_given_back() -> None:
    places = Places(1, "answers are being made")
    with places.one(), pytest.raises(Problem) as refused, places.one():
        pass
    assert (refused.value.status, refused.value.kind) == (503, "busy")
    with places.one():
        pass
