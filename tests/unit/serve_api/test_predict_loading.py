"""Promotions are followed from whenever Kafka is there; what runs, or why nothing does, is shown and answered."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from headrace.errors import TransientError
from headrace.models.deployments import Deployment
from headrace.models.records import ModelVersion, Promotion, Withdrawal
from headrace.models.swap import Swap
from headrace.models.version_loader import VersionLoader
from headrace.testing import wait_until
from serve_api.predictions.answers import model_detail
from serve_api.predictions.deployments import Deployments
from serve_api.predictions.followed_promotions import FollowedPromotions, OnChange, OnFailure
from serve_api.predictions.metrics import PredictionMetrics
from serve_api.predictions.served_version import ServedVersion
from serve_api.problems import Problem
from tests.served_models import ModelMaker


class Follower:
    """Tells what a test promotes, as `PromotedModels` does."""

    def __init__(self, standing: list[Promotion], refusals: int = 0) -> None:
        self.standing = standing
        self.refusals = refusals
        self.stops = 0
        self.undecodable = 0
        self.may_be_read = threading.Event()
        self.may_be_read.set()

    def follow(self, on_change: OnChange, on_failure: OnFailure) -> "Follower":
        self.tell, self.fail = on_change, on_failure
        return self

    def start(self, timeout: float) -> None:
        self.may_be_read.wait(10)
        if self.refusals:
            self.refusals -= 1
            raise TransientError("Kafka is away")
        for promotion in self.standing:
            self.tell(promotion)

    def stop(self) -> None:
        self.stops += 1


class Serving:
    """Loading on artifacts of a folder, as the app does it."""

    def __init__(self, folder: Path, executor: ThreadPoolExecutor) -> None:
        self.maker = ModelMaker(folder)
        self.deployments = Deployments()
        self.registry = CollectorRegistry()
        self.revision = 0
        self.metrics = metrics = PredictionMetrics(self.registry)
        loader = VersionLoader(self.maker.keys, "SERVE_API_MODEL_KEYS", folder / "scratch")

        def load(name: str, version: ModelVersion) -> ServedVersion:
            self.may_load.wait(10)
            return ServedVersion(loader.load(name, version), executor)

        self.may_load = threading.Event()
        self.may_load.set()
        self._swap = Swap(
            load, self.deployments, metrics.count_load, metrics.show, metrics.forget, refused_retry_s=0.05
        )
        self._promotions: FollowedPromotions | None = None

    def start(self, *standing: Promotion, refusals: int = 0, is_readable: bool = True) -> FollowedPromotions:
        self.follower = Follower(list(standing), refusals)
        if not is_readable:
            self.follower.may_be_read.clear()
        self._promotions = FollowedPromotions(self.follower.follow, self._swap.apply, self.deployments)
        self._promotions.start()
        return self._promotions

    def stop(self) -> None:
        if self._promotions is not None:
            self._promotions.stop()

    def promotion(self, champion: ModelVersion, shadow: ModelVersion | None = None) -> Promotion:
        self.revision += 1
        return Promotion("usage", self.revision, champion, 1, shadow=shadow)

    def wait_for(self, promotion: Promotion) -> Deployment[ServedVersion]:
        """Until a promotion was worked off, whatever became of it."""

        def done() -> Deployment[ServedVersion] | None:
            found = self.deployments.get("usage")
            worked = (
                found is not None
                and found.promotion is promotion
                and (found.versions or found.problems or found.online)
            )
            return found if worked else None

        found = wait_until(done, "a promotion to be loaded", timeout=10, every=0.005)
        assert found is not None
        return found

    def promote(self, promotion: Promotion) -> Deployment[ServedVersion]:
        self.follower.tell(promotion)
        return self.wait_for(promotion)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, {"service": "serve_api", "model": "usage", **labels})


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    with ThreadPoolExecutor(1) as executor:
        serving = Serving(tmp_path, executor)
        yield serving
        serving.stop()


def running(deployment: Deployment[ServedVersion]) -> dict[str, int]:
    return {role: version.number for role, version in deployment.versions.items()}


def test_what_stands_is_loaded_and_each_promotion_after_it(serving: Serving) -> None:
    first, second = serving.maker.make(weight=1), serving.maker.make(weight=2)
    standing = serving.promotion(first, shadow=second)
    serving.start(standing)
    assert running(serving.wait_for(standing)) == {"champion": 1, "shadow": 2}
    assert running(serving.promote(serving.promotion(first))) == {"champion": 1}
    wait_until(lambda: serving.value("headrace_model_version", role="shadow") is None, "the figures", timeout=10)
    assert serving.value("headrace_model_version", role="champion") == 1
    assert serving.value("headrace_model_created_seconds", role="champion") == 1_769_860_800
    assert serving.value("headrace_model_loads_total", outcome="loaded") == 2
    assert serving.value("headrace_model_loads_total", outcome="unavailable") == 0


def test_a_refused_version_shows_until_a_good_one_comes(serving: Serving) -> None:
    serving.start()
    assert running(serving.promote(serving.promotion(serving.maker.make()))) == {"champion": 1}
    after = serving.promote(serving.promotion(tampered(serving.maker.make())))
    assert serving.deployments.find_loaded("usage") is after
    assert after.champion.number == 1
    shown = "headrace_model_not_loaded"
    wait_until(lambda: serving.value(shown, role="champion") == 1, "the figure", timeout=10)
    assert (serving.value("headrace_model_loads_total", outcome="refused") or 0) >= 1
    serving.promote(serving.promotion(serving.maker.make()))
    wait_until(lambda: serving.value(shown, role="champion") == 0, "the figure", timeout=10)


def test_without_a_good_one_the_reason_is_what_is_answered(serving: Serving) -> None:
    serving.start()
    serving.promote(serving.promotion(tampered(serving.maker.make())))
    with pytest.raises(Problem, match="was changed") as refused:
        serving.deployments.find_loaded("usage")
    assert (refused.value.status, refused.value.kind, refused.value.retry_after) == (503, "model-not-loaded", 5)
    with pytest.raises(Problem, match="use one of usage") as unknown:
        serving.deployments.find_loaded("other")
    assert unknown.value.status == 404


def test_a_refused_version_that_is_mended_runs_without_a_new_promotion(serving: Serving) -> None:
    serving.start()
    version = serving.maker.make()
    folder = Path(version.uri)
    folder.rename(folder.with_name("unmounted"))
    refused = serving.promote(serving.promotion(version))
    assert "can't be read" in refused.problems["champion"]
    folder.with_name("unmounted").rename(folder)
    wait_until(lambda: running(serving.deployments.promoted("usage")) == {"champion": 1}, "a later try", timeout=10)
    shown = "headrace_model_not_loaded"
    wait_until(lambda: serving.value(shown, role="champion") == 0, "the figure", timeout=10)


def test_nothing_is_said_of_unknown_models_until_promotions_were_read(serving: Serving) -> None:
    """A client that is told that there is no such model would drop what it asks, or knows, for good."""
    started = serving.start(serving.promotion(serving.maker.make()), is_readable=False)
    for ask in (serving.deployments.find, serving.deployments.find_loaded, serving.deployments.find_any):
        with pytest.raises(Problem, match="not read to its end") as unread:
            ask("usage")
        assert (unread.value.status, unread.value.kind, unread.value.retry_after) == (503, "models-unread", 5)
    with pytest.raises(Problem, match="not read to its end"):
        serving.deployments.listed()
    assert started.is_starting()
    serving.may_load.clear()
    serving.follower.may_be_read.set()
    wait_until(lambda: serving.deployments.get("usage"), "the promotion", timeout=10, every=0.001)
    with pytest.raises(Problem, match="being loaded"):
        serving.deployments.find_loaded("usage")
    wait_until(lambda: not is_unread(serving, "other"), "all promotions to be read", timeout=10)
    with pytest.raises(Problem, match="no model 'other'") as unknown:
        serving.deployments.find("other")
    assert unknown.value.status == 404
    serving.may_load.set()
    wait_until(lambda: serving.deployments.champions(), "the load", timeout=10)


def is_unread(serving: Serving, name: str) -> bool:
    try:
        serving.deployments.find(name)
    except Problem as problem:
        return problem.kind == "models-unread"
    return False


def test_of_models_that_stand_each_is_known_before_unknown_ones_are_denied(serving: Serving) -> None:
    """The first load may take long; the models that wait behind it are there all the same."""
    serving.may_load.clear()
    others = [Promotion(f"other_{number}", 1, serving.maker.make(f"other_{number}"), 1) for number in range(3)]
    serving.start(serving.promotion(serving.maker.make()), *others)
    wait_until(lambda: not is_unread(serving, "nobody"), "all promotions to be read", timeout=10)
    for each in others:
        with pytest.raises(Problem, match="being loaded") as loading:
            serving.deployments.find_loaded(each.name)
        assert (loading.value.status, loading.value.kind) == (503, "model-not-loaded")
    serving.may_load.set()
    wait_until(lambda: len(serving.deployments.champions()) == 4, "the loads", timeout=10)


def test_an_online_model_is_shown_and_answers_no_requests(serving: Serving) -> None:
    serving.start()
    found = serving.promote(serving.promotion(serving.maker.make_online()))
    wait_until(lambda: serving.value("headrace_model_not_loaded", role="champion") == 0, "the figure", timeout=10)
    detail = model_detail(found)
    (version,) = detail["model"]["versions"]
    assert (version["runs_in"], version["role"], version["version"]) == ("process_predictions", "champion", 1)
    assert (detail["model"]["task"], detail["model"]["problems"], detail["input_schema"]) == ("regression", {}, None)
    assert detail["card"] == "# usage 1\n"
    with pytest.raises(Problem, match="process_predictions runs it") as refused:
        serving.deployments.find_loaded("usage")
    assert refused.value.status == 409
    assert serving.value("headrace_model_loads_total", outcome="refused") == 0


def test_a_withdrawn_model_is_unknown_and_nothing_of_it_is_shown(serving: Serving) -> None:
    serving.start()
    serving.promote(serving.promotion(serving.maker.make(), shadow=serving.maker.make()))
    wait_until(lambda: serving.value("headrace_model_version", role="shadow") == 2, "the figure", timeout=10)
    serving.follower.tell(Withdrawal("usage"))
    wait_until(lambda: serving.deployments.get("usage") is None, "the withdrawal", timeout=10)
    with pytest.raises(Problem, match="no model") as unknown:
        serving.deployments.find_loaded("usage")
    assert unknown.value.status == 404
    for role in ("champion", "shadow"):
        wait_until(lambda role=role: serving.value("headrace_model_version", role=role) is None, "it", timeout=10)  # type: ignore[misc]
        assert serving.value("headrace_model_not_loaded", role=role) == 0
    assert running(serving.promote(serving.promotion(serving.maker.make()))) == {"champion": 3}


def test_promotions_of_a_later_version_show(serving: Serving) -> None:
    metrics, registry = serving.metrics, serving.registry
    started = serving.start()
    metrics.watch_undecodable(started.undecodable)
    wait_until(lambda: not started.is_starting(), "the start to be over", timeout=10)

    def shown() -> float | None:
        return registry.get_sample_value("headrace_promotions_undecodable", {"service": "serve_api"})

    assert shown() == 0
    serving.follower.undecodable = 2
    assert shown() == 2


def test_a_process_is_starting_until_what_stands_is_loaded(serving: Serving) -> None:
    promotion = serving.promotion(serving.maker.make())
    started = serving.start(promotion)
    wait_until(lambda: not started.is_starting(), "the start to be over", timeout=10, every=0.001)
    found = serving.deployments.get("usage")
    assert found is not None and running(found) == {"champion": 1}
    assert started.failure() is None


def test_kafka_may_come_later_and_a_lost_follower_is_told(serving: Serving) -> None:
    promotion = serving.promotion(serving.maker.make())
    started = serving.start(promotion, refusals=1)
    assert started.is_starting()
    assert running(serving.wait_for(promotion)) == {"champion": 1}
    serving.follower.fail(RuntimeError("refused"))
    assert "refused" in str(started.failure())
    serving.stop()
    assert serving.follower.stops == 2


def tampered(version: ModelVersion) -> ModelVersion:
    path = Path(version.uri) / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    return version
