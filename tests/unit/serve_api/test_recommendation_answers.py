"""Answers over what is in memory: who they are for, and what is done without."""

import asyncio
from typing import Any

from headrace.experiments.experiment import Experiment
from headrace.experiments.experiments import Experiments
from serve_api.recommendations.answering import Wanted
from serve_api.recommendations.asked import RecommendationQuery
from tests.unit.serve_api.shop_in_memory import SITE, Shop, recorded


def _answer(shop: Shop, name: str | None = "ann", **query: Any) -> dict[str, Any]:
    wanted = Wanted(SITE, name, RecommendationQuery(**query), seed=0)
    return dict(asyncio.run(shop.answering.answer(wanted)))


def _items(answer: dict[str, Any]) -> list[str]:
    return [row["item"] for row in answer["items"]]


def _experiment() -> Experiments:
    arms = {"one": {"share": 0.5}, "other": {"share": 0.5, "policy": {"sources": {"fresh": 10}}}}
    metrics = {"bought": {"measure": "happened", "kinds": ["purchase"]}}
    given = {"name": "tried", "state": "running", "start": "2020-01-01T00:00:00Z", "arms": arms}
    return Experiments([Experiment.model_validate({**given, "metrics": metrics, "primary": "bought"})])


def test_a_person_is_recorded_with_the_arm_that_their_answer_was_made_by() -> None:
    shop = Shop(_experiment())
    shop.fill()
    arms = set()
    for name in "abcdefghij":
        answer = _answer(shop, name, count=2)
        arms.add(answer["arms"]["tried"])
        sources = {row["source"] for row in answer["items"]}
        assert (sources == {"fresh"}) == (answer["arms"]["tried"] == "other")
    made = recorded(shop.kafka)
    assert [each.subject for each in made] == list("abcdefghij")
    assert arms == {"one", "other"} and {each.arms["tried"] for each in made} == arms


def test_without_consent_there_is_no_arm_no_record_and_nothing_personal() -> None:
    shop = Shop(_experiment())
    shop.fill()
    shop.know("ann", "i0", consent=False)
    answer = _answer(shop)
    assert (answer["kind"], answer["arms"], shop.kafka.written) == ("impersonal", {}, [])
    assert _items(answer)[0] == "i0"


def test_what_is_known_of_a_person_on_another_site_is_not_used() -> None:
    shop = Shop()
    shop.fill()
    shop.know("ann", "i0")
    assert _answer(shop)["kind"] == "personal"
    wanted = Wanted("elsewhere", "ann", RecommendationQuery())
    assert asyncio.run(shop.answering.answer(wanted))["kind"] == "cold"


def test_nobody_is_answered_and_not_recorded() -> None:
    shop = Shop()
    shop.fill()
    answer = _answer(shop, None)
    assert (answer["kind"], shop.kafka.written, shop.table.asked) == ("impersonal", [], 0)
    assert len(_items(answer)) == 6


def test_until_features_are_read_nobody_is_taken_for_somebody_new() -> None:
    shop = Shop(_experiment(), is_read=False)
    shop.fill()
    answer = _answer(shop)
    assert (answer["kind"], answer["arms"], shop.kafka.written) == ("impersonal", {}, [])
    assert set(answer["degraded"]) == {"catalog", "features", "online", "sessions"}
    shop.know("ann", "i0")
    assert _answer(shop)["kind"] == "personal"


def test_where_refusals_were_forgotten_nobody_is_taken_for_somebody_new() -> None:
    shop = Shop()
    shop.fill()
    shop.know("ann", "i0")
    shop.users.has_forgotten_refusals = True
    assert _answer(shop, "bob")["kind"] == "impersonal"
    assert _answer(shop, "ann")["kind"] == "personal"


def test_an_erased_person_is_nobody_at_once() -> None:
    shop = Shop()
    shop.fill()
    shop.know("ann", "i0")
    shop.erased.add("ann")
    assert _answer(shop)["kind"] == "impersonal"
    assert shop.kafka.written == []


def test_a_rare_category_is_filled_up_from_the_catalog() -> None:
    shop = Shop()
    shop.fill(3_000)
    answer = _answer(shop, category="c1", count=100)
    assert len(answer["items"]) == 100
    assert {row["category"] for row in answer["items"]} == {"c1"}
    assert len(set(_items(answer))) == 100


def test_parts_that_are_away_are_named_and_counted() -> None:
    shop = Shop()
    shop.fill()
    shop.kafka.is_away = True
    assert set(_answer(shop)["degraded"]) == {"record"}
    shop.table.is_away = True
    answer = _answer(shop)
    assert set(answer["degraded"]) == {"subjects"}
    assert answer["kind"] == "impersonal" and answer["items"]
    assert shop.value("headrace_recommendations_degraded_total", part="record") == 1
    assert shop.value("headrace_recommendations_degraded_total", part="subjects") == 1


def test_a_batch_model_is_missed_only_where_one_was_promoted() -> None:
    shop = Shop()
    shop.fill()
    assert "batch" not in _answer(shop)["degraded"]
    shop.site.swap_batch(None)
    assert "batch" in _answer(shop)["degraded"]


def test_an_empty_shop_has_an_empty_answer() -> None:
    answer = _answer(Shop())
    assert answer["items"] == []
    assert "online" in answer["degraded"]


def test_answers_are_counted_by_surface_and_kind_and_timed_by_stage() -> None:
    shop = Shop()
    shop.fill()
    _answer(shop, surface="invented")
    assert shop.value("headrace_recommendations_total", surface="default", kind="cold") == 1
    for stage in ("subject", "candidates", "rank", "record", "whole"):
        assert shop.value("headrace_recommendation_stage_seconds_count", stage=stage) == 1


def test_answers_that_may_come_are_counted_from_zero_on() -> None:
    shop = Shop()
    shop.fill()
    _answer(shop)
    shop.metrics.expect(["home", "default"])
    counted = {
        (surface, kind): shop.registry.get_sample_value(
            "headrace_recommendations_total", {"service": "serve_api", "surface": surface, "kind": kind}
        )
        for surface in ("home", "default")
        for kind in ("personal", "cold", "impersonal")
    }
    assert None not in counted.values() and sum(each or 0 for each in counted.values()) == 1


def test_features_that_cannot_be_read_are_counted_and_the_person_is_cold() -> None:
    shop = Shop()
    shop.fill()
    shop.users.put("ann", b"{")
    assert _answer(shop)["kind"] == "cold"
    assert shop.value("headrace_recommendation_records_refused_total", topic="interactions.features") == 1
