"""What is held in memory of people, items and answers."""

import pytest

from headrace.errors import ConfigurationError
from headrace.experiments.experiment import Experiment
from headrace.experiments.experiments import Experiments
from headrace.interactions.records import FEATURES, SESSIONS, Item, Session
from headrace.recommend.policy import Policies
from headrace.records import encode
from serve_api.places import Places
from serve_api.problems import Problem
from serve_api.recommendations.policies import AnswerPolicies
from serve_api.recommendations.quality import Quality
from serve_api.recommendations.sites import MAX_SITES, Sites
from serve_api.recommendations.users import Users, appended_of
from tests.unit.serve_api.shop_in_memory import SITE, Shop, features


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


def _refusing(subject: str) -> bytes:
    return encode(features(subject, consent=False))


def test_who_does_not_consent_or_is_no_person_stays_where_others_leave() -> None:
    refusing, flagged = features("a", consent=False), features("b")
    flagged.flagged = True
    users = Users(5 * (len(encode(flagged)) + 250))
    for each in (refusing, flagged, *(features(f"c{number}", "x") for number in range(9))):
        users.put(each.subject, encode(each))
    assert users.get(SITE, "a") == refusing and users.get(SITE, "b") == flagged
    assert 3 <= len(users) < 6 and users.get(SITE, "c0") is None and not users.has_forgotten_refusals
    users.put("a", encode(features("a", "x")))
    assert users.get(SITE, "a") == features("a", "x")
    users.put("a", encode(refusing))
    assert users.get(SITE, "a") == refusing
    for subject in ("a", "b", "c8"):
        users.drop(subject)
    assert (users.get(SITE, "a"), users.bytes) == (None, 250 * len(users) + len(encode(features("c7", "x"))))


def test_those_who_do_not_consent_take_half_of_the_memory_at_most() -> None:
    size = len(_refusing("a0")) + 250
    users = Users(20 * size)
    for number in range(9):
        users.put(f"c{number}", encode(features(f"c{number}", "x")))
    for number in range(10):
        users.put(f"a{number}", _refusing(f"a{number}"))
    users.put("a0", _refusing("a0"))
    assert (len(users._left_alone), users.has_forgotten_refusals) == (10, False)
    for number in range(1_000):
        users.put(f"b{number}", _refusing(f"b{number}"))
    assert users.has_forgotten_refusals
    assert users.bytes <= 20 * size
    assert len(users._left_alone) <= 10 and len(users._known) >= 1


def test_the_append_time_is_read_alone() -> None:
    assert appended_of(encode(features("a", "x"))) == 1
    assert appended_of(b"{") is None


def test_invented_items_and_sites_take_no_place() -> None:
    sites = Sites(10)
    site = sites.of(SITE)
    site.put_item(Item(SITE, "real", 1))
    site.put_session(Session(SITE, "ann", 1, 2, 1, ("invented", "real")))
    assert site.catalog.find("invented") < 0 and len(site.sessions) == 1
    site.put_session(Session(SITE, "ann", 9, 9, 1, ("invented",)))
    assert len(site.sessions) == 1
    site.put_session(Session(SITE, "ann", 9, 9, 3, ()))
    assert len(site.sessions) == 0, "taken back"
    for number in range(MAX_SITES + 10):
        sites.of(f"s{number}")
    assert len(sites._sites) == MAX_SITES


def test_visits_are_read_when_it_is_known_which_items_there_are() -> None:
    state = Shop(is_read=False).state
    assert [each.topic for each in state._people._due()] == [FEATURES]
    state._items._missing.clear()
    assert [each.topic for each in state._people._due()] == [FEATURES, SESSIONS]


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
