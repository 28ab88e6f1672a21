"""`/v1/recommendations` and the catalog, by what is in the topics."""

import secrets
from collections.abc import Iterator

import httpx
import pytest

from deploy.local.stack import Stack
from headrace.interactions.records import Erasure, Recent, Session
from headrace.testing import wait_until
from tests.integration.serve_api.api_process import EXPERIMENT
from tests.integration.serve_api.client import TIMEOUT_S, Api
from tests.integration.serve_api.shop import SITE, Shop, now_us, shop_of

pytestmark = pytest.mark.integration

_LIKED = {"cup": 50.0, "pot": 40.0, "jar": 30.0, "lid": 20.0, "saw": 10.0}


@pytest.fixture(scope="module")
def shop(api: Api, stack: Stack) -> Iterator[Shop]:
    with shop_of(api, stack.brokers) as shop:
        for name in (*_LIKED, "new"):
            shop.put(name, tags=(name,))
        shop.learn(_LIKED, {"saw": ["lid", "jar"]})
        yield shop


@pytest.fixture
def user() -> str:
    return f"user-{secrets.token_hex(6)}"


def test_who_is_new_is_recommended_what_is_popular_and_it_says_so(shop: Shop, user: str) -> None:
    answer = shop.recommended(user=user, count=3)
    assert answer["kind"] == "cold"
    assert shop.names(answer)[0] == "cup"
    assert len(answer["items"]) == 3
    assert [row["position"] for row in answer["items"]] == [0, 1, 2]
    first = answer["items"][0]
    assert first["title"] == "A cup" and first["reasons"] and first["source"] == "trending"
    assert answer["versions"]["online"] > 0


def test_what_somebody_does_changes_their_answer_and_nobody_elses(shop: Shop, user: str) -> None:
    before = shop.recommended(user=user)
    shop.know(shop.subject_of(user), "saw")
    wait_until(lambda: shop.recommended(user=user)["kind"] == "personal", "the features")
    after = shop.recommended(user=user, count=6)
    together = [row for row in after["items"] if row["source"] == "together"]
    assert {row["item"].split("/")[1] for row in together} >= {"lid"}
    assert shop.names(after).index("lid") < shop.names(before).index("lid")
    assert shop.recommended(user=f"{user}-other")["kind"] == "cold"


def test_an_answer_is_recorded_before_it_is_given_with_what_it_was_ranked_by(shop: Shop, user: str) -> None:
    answer = shop.recommended(user=user, surface="cart", about=shop.item("pot"))
    record = shop.made.of(answer)
    assert [each.item for each in record.items] == [row["item"] for row in answer["items"]]
    assert all(each.features for each in record.items)
    assert (record.surface, record.about, record.site) == ("cart", shop.item("pot"), SITE)
    assert record.versions == answer["versions"]
    assert shop.item("pot") not in [row["item"] for row in answer["items"]]
    assert len(record.subject) == 22 and user not in record.subject


def test_a_person_has_one_subject_and_a_session_is_another(shop: Shop, user: str) -> None:
    assert shop.subject_of(user) == shop.subject_of(user)
    of_session = shop.made.of(shop.recommended(session=user)).subject
    assert of_session != shop.subject_of(user)
    both = shop.recommended(user=user, session="any")
    assert shop.made.of(both).subject == shop.subject_of(user)


def test_arms_are_stable_recorded_and_change_the_policy(shop: Shop) -> None:
    arms = {}
    for number in range(40):
        answer = shop.recommended(user=f"{shop.name}-{number}", surface="tried")
        arm = answer["arms"][EXPERIMENT]
        assert shop.made.of(answer).arms == {EXPERIMENT: arm}
        assert shop.recommended(user=f"{shop.name}-{number}", surface="tried")["arms"] == answer["arms"]
        arms[arm] = number
        if len(arms) == 2:
            break
    assert set(arms) == {"usual", "varied"}
    assert shop.recommended(user="anybody", surface="home")["arms"] == {}


def test_nothing_is_kept_of_who_does_not_consent(shop: Shop, user: str) -> None:
    subject = shop.subject_of(user)
    shop.know(subject, "saw", consent=False)
    wait_until(lambda: shop.recommended(user=user)["kind"] == "impersonal", "the missing consent")
    answer = shop.recommended(user=user, surface="tried")
    assert answer["arms"] == {}
    assert {row["source"] for row in answer["items"]} <= {"trending", "fresh"}
    # What comes after it in the same partition is there, so the one before is not on its way any more.
    shop.know(subject, "saw")
    wait_until(lambda: shop.recommended(user=user)["kind"] == "personal", "the consent")
    shop.made.of(shop.recommended(user=user))
    assert not shop.made.has(answer)


def test_who_is_no_person_is_not_personal(shop: Shop, user: str) -> None:
    shop.know(shop.subject_of(user), flagged=True)
    wait_until(lambda: shop.recommended(user=user, surface="tried")["kind"] == "impersonal", "the flag")
    assert shop.recommended(user=user, surface="tried")["arms"] == {}


def test_an_erased_person_is_a_new_one(shop: Shop, user: str) -> None:
    subject = shop.subject_of(user)
    shop.know(subject, "saw")
    shop.write(Session(SITE, subject, 1, now_us(), 1, (shop.item("saw"),)))
    wait_until(lambda: shop.recommended(user=user)["kind"] == "personal", "the features")
    shop.write(Erasure(SITE, subject, now_us()))
    wait_until(lambda: shop.recommended(user=user)["kind"] == "cold", "the erasure")
    shop.know(subject, "saw")
    other = f"{user}-other"
    shop.know(shop.subject_of(other), "saw")
    wait_until(lambda: shop.recommended(user=other)["kind"] == "personal", "what came later")
    assert shop.subject_of(user) != subject
    assert shop.recommended(user=user)["kind"] == "cold"


def test_filters(shop: Shop, user: str) -> None:
    shop.put("knife", min_age=18)
    shop.put("gone", available=False)
    everything = {"count": 20, "user": user}
    assert {"knife", "gone"}.isdisjoint(shop.names(shop.recommended(**everything)))
    assert "knife" in shop.names(shop.recommended(**everything, age=18))
    assert "cup" not in shop.names(shop.recommended(**everything, exclude=f"{shop.item('cup')},{shop.item('pot')}"))
    assert shop.recommended(**{**everything, "category": "there is none"})["items"] == []
    shop.put("gone", available=True, price=2.0)
    assert "gone" in shop.names(shop.recommended(**everything))
    shop.remove("gone")
    wait_until(lambda: shop.row("gone") is False, "the removal")
    assert "gone" not in shop.names(shop.recommended(**everything))


def test_what_was_bought_is_not_recommended(shop: Shop, user: str) -> None:
    shop.know(shop.subject_of(user), "saw", bought=(shop.item("cup"),))
    wait_until(lambda: "cup" not in shop.names(shop.recommended(user=user)), "the purchase")


def test_similar_and_trending_are_for_anybody(shop: Shop, api: Api) -> None:
    similar = api.get(f"/v1/items/{shop.item('saw')}/similar", category=shop.name).json()
    sources = {row["item"].removeprefix(f"{shop.name}/"): row["source"] for row in similar["items"]}
    assert (sources["lid"], sources["jar"]) == ("together", "together")
    assert set(sources.values()) <= {"together", "content", "fresh"}
    assert "saw" not in shop.names(similar)
    trending = api.get("/v1/trending", category=shop.name, count=2).json()
    assert shop.names(trending) == ["cup", "pot"]
    nobody = shop.recommended()
    assert (nobody["kind"], nobody["arms"]) == ("impersonal", {})


def test_unknown_items_are_404_and_do_no_harm(shop: Shop, api: Api, user: str) -> None:
    for path in ("/v1/items/there-is-none", "/v1/items/there-is-none/similar"):
        answer = api.get(path)
        assert answer.status_code == 404
        assert "there-is-none" in answer.json()["detail"]
    assert shop.recommended(user=user, about="there-is-none", exclude="there-is-none")["items"]
    subject = shop.subject_of(user)
    shop.write(Session(SITE, subject, 1, now_us(), 1, (shop.item("invented"), shop.item("cup"))))
    features = shop.know(subject)
    features.recent = (Recent(shop.item("invented"), "view", now_us(), 1.0),)
    features.revision += 1
    shop.write(features)
    wait_until(lambda: shop.recommended(user=user)["kind"] == "personal", "the features")
    assert "invented" not in shop.names(shop.recommended(user=user, count=20))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("user=a&count=0", "count"),
        ("user=a&count=1000000", "count"),
        ("user=a&page=2", "page"),
        ("user=", "user"),
        (f"user={'a' * 1_000}", "user"),
        ("user=session:a", "user"),
        ("user=a&age=-1", "age"),
        ("user=a&surface=A%20B", "surface"),
        (f"user=a&exclude={','.join(map(str, range(1_000)))}", "exclude"),
    ],
)
def test_wrong_requests_are_refused_by_name(api: Api, query: str, names: str) -> None:
    answer = httpx.get(f"{api.url}/v1/recommendations?{query}", timeout=TIMEOUT_S)
    assert answer.status_code == 422, answer.text
    assert names in answer.json()["detail"]


def test_the_catalog_by_pages(shop: Shop, api: Api) -> None:
    for name in ("b1", "b2", "b3"):
        shop.put(name, tags=("bolt",))
    pages = list(api.pages("/v1/items", category=shop.name, tag="bolt", limit=2))
    assert [row["item"] for page in pages for row in page] == [shop.item(name) for name in ("b1", "b2", "b3")]
    assert [len(page) for page in pages][:2] == [2, 1]
    (found,) = api.items("/v1/items", category=shop.name, text="A B2")
    assert found["item"] == shop.item("b2")
    assert api.get("/v1/items", limit=100_000).status_code == 422


def test_a_record_that_cannot_be_read_is_counted_and_the_rest_goes_on(shop: Shop) -> None:
    name = "headrace_recommendation_records_refused_total"
    before = shop.metric(name)
    shop.write_bytes("items.catalog", f"{SITE}/x".encode(), b"{")
    shop.put("after")
    assert shop.metric(name) == before + 1
