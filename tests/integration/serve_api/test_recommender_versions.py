"""A recommender from what people did to the API's answers: trained, promoted, swapped, rolled back, withdrawn."""

import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from deploy.local.stack import Stack
from headrace.errors import ConfigurationError
from headrace.interactions.records import FEATURES, RAW, Erasure, Interaction, UserFeatures
from headrace.kafka import Producer
from headrace.models.records import PROMOTED, ModelVersion, Promotion
from headrace.models.shares import share_of
from headrace.recommend.batch_model import ItemScores
from headrace.records import encode, headers_of
from headrace.testing import wait_until
from tests.integration.serve_api.api_process import models_folder
from tests.integration.serve_api.client import TIMEOUT_S, Api
from tests.integration.serve_api.shop import SITE, Shop, now_us, shop_of
from tests.recommender_artifacts import write_recommender
from tests.served_models import ModelMaker
from train_models.choice.progress import NoProgress
from train_models.recommending.left_out import WHY
from train_models.recommending.recommender_file import RecommenderFile, find_recommender
from train_models.recommending.recommender_promoter import RecommenderPromoter
from train_models.recommending.recommender_trainer import RecommenderTrainer, TrainedRecommender
from train_models.registry.mlflow_registry import Registry
from train_models.settings import Settings

pytestmark = pytest.mark.integration

SWAPS = 20
WITHIN_S = 2.0
PEOPLE = 160
_EACH = 5
_DAY = 86_400_000_000
_FILE = """
task: recommendation
about: What goes with what
data: {{topic: {{name: interactions.raw, since: "{since}"}}}}
candidates: [{{algorithm: item_knn, shrinkage: 1, least: 1}}, {{algorithm: ease, penalty: 5, least: 1}}]
validation: {{hold_out: 0.3, choice: 0.2}}
"""


class Recommending:
    """One recommender of the running API, and the interactions that it learns."""

    def __init__(self, api: Api, stack: Stack, shop: Shop, folder: Path) -> None:
        self.api, self.shop = api, shop
        self.name = f"goes_with_{secrets.token_hex(4)}"
        keys = models_folder(stack) / "keys"
        self.settings = Settings(
            brokers=stack.brokers,
            data=folder / "data",
            models=folder / "models",
            signing_key=keys / "signing.pem",
            public_keys=keys / "public.pem",
        )
        self.settings.models.mkdir()
        self.registry = Registry(self.settings.registry_uri, self.settings.artifacts_uri)
        self._producer = Producer(stack.brokers, "tests")
        self._since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1))
        (self.settings.models / f"{self.name}.yaml").write_text(_FILE.format(since=self._since))

    @property
    def file(self) -> RecommenderFile:
        found = find_recommender(self.name, self.settings.models)
        assert found is not None
        return found

    @property
    def promoter(self) -> RecommenderPromoter:
        return RecommenderPromoter(self.settings, self.registry, self.file)

    def train(self) -> TrainedRecommender:
        return RecommenderTrainer(self.settings, self.registry).train(self.file, NoProgress())

    def do(self, subject: str, *items: str, step: int = 0) -> None:
        """Purchases, one a day, the newest now."""
        for at, item in enumerate(items):
            when = now_us() - (len(items) - at) * _DAY + step
            self.write(
                RAW, Interaction(secrets.token_hex(8), SITE, subject, "purchase", when, when, self.shop.item(item))
            )

    def people(self, name: str, seed: int) -> None:
        """Persons of two tastes, with all items of theirs in an order of their own."""
        random = np.random.default_rng(seed)
        for number in range(PEOPLE):
            taste = "ab"[number % 2]
            order = [f"{taste}{each}" for each in random.permutation(_EACH)]
            self.do(f"{name}-{number}", *order, step=number)
        self._producer.flush(30)

    def write(self, topic: str, record: Interaction | UserFeatures | Erasure) -> None:
        self._producer.produce(topic, encode(record), record.subject.encode(), headers_of(record))

    def announce(self, revision: int, champion: ModelVersion, **others: Any) -> float:
        """Promotes without a gate; gives the monotonic time at which Kafka had confirmed it."""
        promotion = Promotion(self.name, revision, champion, now_us(), **others)
        self._producer.produce(PROMOTED, encode(promotion), self.name.encode(), headers_of(promotion))
        self._producer.flush(30)
        return time.monotonic()

    def withdraw(self) -> None:
        self._producer.produce(PROMOTED, None, self.name.encode())
        self._producer.flush(30)

    def batch(self, **parameters: object) -> int | None:
        """The version of the batch model that an answer names."""
        found: int | None = self.shop.recommended(**parameters)["versions"].get("batch")
        return found

    def wait_for(self, version: int | None) -> None:
        wait_until(lambda: self.batch() == version, f"version {version}", timeout=10, every=0.02)


@pytest.fixture(scope="module")
def shop(api: Api, stack: Stack) -> Iterator[Shop]:
    with shop_of(api, stack.brokers) as shop:
        for name in (f"{taste}{number}" for taste in "ab" for number in range(_EACH)):
            shop.put(name)
        shop.learn({f"{taste}{number}": 1.0 for taste in "ab" for number in range(_EACH)})
        yield shop


@pytest.fixture
def recommending(api: Api, stack: Stack, shop: Shop, maker: ModelMaker, tmp_path: Path) -> Iterator[Recommending]:
    made = Recommending(api, stack, shop, tmp_path)
    try:
        yield made
    finally:
        made.withdraw()
        made.wait_for(None)


def test_from_what_people_did_to_the_answers(recommending: Recommending, shop: Shop) -> None:
    name = secrets.token_hex(6)
    recommending.people(name, seed=1)
    for subject, consent, flagged in ((f"{name}-no", False, False), (f"{name}-machine", True, True)):
        recommending.do(subject, "secret", "a0")
        now = now_us()
        features = UserFeatures(SITE, subject, 1, now, now, now, consent=consent, flagged=flagged)
        recommending.write(FEATURES, features)
    recommending.do(f"{name}-gone", "secret", "a0")
    recommending.write("subjects.erased", Erasure(SITE, f"{name}-gone", now_us()))
    recommending._producer.flush(30)

    first = recommending.train()
    assert first.is_new and shop.item("secret") not in first.found.model.items
    assert set(first.found.model.items) == {shop.item(f"{taste}{at}") for taste in "ab" for at in range(_EACH)}
    left_out = first.snapshot.about.left_out
    assert left_out[WHY] == 4 and left_out["records of erased subjects"] == 2
    again = recommending.train()
    assert not again.is_new and again.version == first.version

    promoted = recommending.promoter.promote(recommending.name)
    assert promoted.verdict is not None and promoted.verdict.passed
    began = time.monotonic()
    number = first.version.version.version
    recommending.wait_for(number)
    assert time.monotonic() - began < WITHIN_S

    user = f"user-{name}"
    shop.know(shop.subject_of(user), "b1")
    wait_until(lambda: shop.recommended(user=user)["kind"] == "personal", "the features")
    answer = shop.recommended(user=user, count=4)
    by_batch = {item for item, row in zip(shop.names(answer), answer["items"], strict=True) if row["source"] == "batch"}
    assert by_batch and all(item.startswith("b") for item in by_batch)
    assert shop.made.of(answer).versions["batch"] == number

    recommending.people(f"{name}-more", seed=2)
    second = recommending.train()
    assert second.is_new
    refused = recommending.promoter.promote(recommending.name)
    assert refused.is_refused and recommending.batch() == number
    recommending.promoter.promote(recommending.name, force="newer")
    recommending.wait_for(second.version.version.version)
    recommending.promoter.roll_back(recommending.name)
    recommending.wait_for(number)


def test_a_model_is_shown_and_takes_no_rows(recommending: Recommending, api: Api, maker: ModelMaker) -> None:
    items = [recommending.shop.item(f"a{at}") for at in range(_EACH)]
    version = _version(recommending, maker, 3, items)
    recommending.announce(1, version)
    recommending.wait_for(3)
    shown = api.get(f"/v1/models/{recommending.name}").json()
    assert shown["model"]["task"] == "recommendation" and shown["model"]["problems"] == {}
    assert [(each["role"], each["version"]) for each in shown["model"]["versions"]] == [("champion", 3)]
    assert shown["card"] == "# goes with\n" and shown["input_schema"] is None
    with httpx.Client(base_url=api.url, timeout=TIMEOUT_S) as http:
        row = http.post(f"/v1/models/{recommending.name}/predict", json={"item": items[0]})
        outcome = http.post("/v1/outcomes", json={"id": "x" * 16, "model": recommending.name, "label": True})
        document = http.get("/openapi.json").json()
    assert (row.status_code, outcome.status_code) == (409, 409)
    assert "GET /v1/recommendations" in row.json()["detail"] and "POST /v1/events" in outcome.json()["detail"]
    assert f"/v1/models/{recommending.name}/predict" not in document["paths"]
    with pytest.raises(ConfigurationError, match="no shadow runs"):
        recommending.promoter.start_shadow(recommending.name, None)


def test_what_was_changed_is_refused_and_the_last_good_one_goes_on(
    recommending: Recommending, api: Api, maker: ModelMaker
) -> None:
    items = [recommending.shop.item(f"a{at}") for at in range(_EACH)]
    recommending.announce(1, _version(recommending, maker, 1, items))
    recommending.wait_for(1)
    bad = _version(recommending, maker, 2, items)
    path = Path(bad.uri) / "scores.array"
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\x80\x7f")
    recommending.announce(2, bad)

    def problems() -> Any:
        return api.get(f"/v1/models/{recommending.name}").json()["model"]["problems"]

    said = wait_until(problems, "the refusal")
    assert "scores.array was changed" in said["champion"] and recommending.batch() == 1


def test_a_canary_answers_its_share_of_the_persons(recommending: Recommending, maker: ModelMaker) -> None:
    items = [recommending.shop.item(f"a{at}") for at in range(_EACH)]
    champion, canary = (_version(recommending, maker, number, items) for number in (1, 2))
    recommending.announce(1, champion, canary=canary, canary_share=0.5)
    recommending.wait_for(1)
    found = set()
    for number in range(12):
        user = f"{recommending.name}-{number}"
        subject = recommending.shop.subject_of(user)
        recommending.shop.know(subject, "a1")
        wait_until(lambda user=user: recommending.shop.recommended(user=user)["kind"] == "personal", "the features")  # type: ignore[misc]
        expected = 2 if share_of(recommending.name, subject) < 0.5 else 1
        assert recommending.batch(user=user) == expected
        found.add(expected)
    assert found == {1, 2}


def test_twenty_swaps_under_requests_without_a_failure(recommending: Recommending, maker: ModelMaker) -> None:
    items = [recommending.shop.item(f"a{at}") for at in range(_EACH)]
    versions = [_version(recommending, maker, number, items) for number in range(1, SWAPS + 2)]
    recommending.announce(1, versions[0])
    recommending.wait_for(1)
    stop, failures = threading.Event(), list[str]()
    seen: dict[int, float] = {}
    asked = [0, 0]

    def ask(thread: int) -> None:
        with httpx.Client(base_url=recommending.api.url, timeout=TIMEOUT_S) as http:
            while not stop.is_set():
                answer = http.get("/v1/recommendations", params={"category": recommending.shop.name})
                asked[thread] += 1
                if answer.status_code != 200 or "batch" in answer.json()["degraded"]:
                    failures.append(answer.text)
                    continue
                seen.setdefault(answer.json()["versions"]["batch"], time.monotonic())

    promoted: dict[int, float] = {}
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(ask, thread) for thread in range(2)]
        try:
            for revision, version in enumerate(versions[1:], 2):
                promoted[version.version] = recommending.announce(revision, version)
                wait_until(lambda version=version: version.version in seen, f"{version.version}", every=0.01)  # type: ignore[misc]
        finally:
            stop.set()
        for future in futures:
            future.result()
    assert failures == []
    assert min(asked) > SWAPS
    assert max(seen[number] - at for number, at in promoted.items()) < WITHIN_S


def _version(recommending: Recommending, maker: ModelMaker, number: int, items: list[str]) -> ModelVersion:
    columns = np.array([[(at + 1) % len(items)] for at in range(len(items))], np.int32)
    model = ItemScores(0, tuple(items), columns, np.ones((len(items), 1), np.float32))
    folder = maker.folder / f"{recommending.name}-{number}"
    return write_recommender(folder, maker.key, model, name=recommending.name, site=SITE, version=number)
