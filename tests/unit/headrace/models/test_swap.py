"""What runs after promotions: swaps, rollbacks, versions that are refused, stores that don't answer."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from headrace.errors import TransientError
from headrace.models.deployments import Deployment, Deployments, NotLoaded
from headrace.models.loaded_version import LoadedVersion
from headrace.models.records import ModelVersion, Promotion, Withdrawal
from headrace.models.swap import REFUSED_RETRY_S, UNAVAILABLE_RETRY_S, Swap
from headrace.models.version_loader import VersionLoader
from tests.served_models import ROW, ModelMaker, score_of


class Serving:
    """Swaps on artifacts of a folder, with the loads that were tried and what was told of them."""

    def __init__(self, folder: Path) -> None:
        self.maker = ModelMaker(folder)
        self.loads: list[int] = []
        self.fates: Counter[str] = Counter()
        self.told: list[Deployment[LoadedVersion]] = []
        self.error: Exception | None = None
        self.deployments: Deployments[LoadedVersion] = Deployments()
        self._loader = VersionLoader(self.maker.keys, "MODEL_KEYS", folder / "scratch")
        self.withdrawn: list[str] = []
        self.swap = Swap(self._load, self.deployments, self._note_load, self.told.append, self.withdrawn.append)
        self._revision = 0

    def promote(
        self, champion: ModelVersion, canary: ModelVersion | None = None, shadow: ModelVersion | None = None
    ) -> float | None:
        """Seconds until it is to be tried again."""
        self._revision += 1
        self.promotion = Promotion("usage", self._revision, champion, 1, canary=canary, shadow=shadow)
        return self.swap.apply(self.promotion)

    @property
    def now(self) -> Deployment[LoadedVersion]:
        return self.deployments.promoted("usage")

    def running(self) -> dict[str, int]:
        return {role: version.number for role, version in self.now.versions.items()}

    def _load(self, name: str, version: ModelVersion) -> LoadedVersion:
        self.loads.append(version.version)
        if self.error is not None:
            raise self.error
        return self._loader.load(name, version)

    def _note_load(self, name: str, fate: str) -> None:
        self.fates[fate] += 1


@pytest.fixture
def serving(tmp_path: Path) -> Serving:
    return Serving(tmp_path)


def test_each_promotion_swaps_and_a_rollback_is_one(serving: Serving) -> None:
    first, second = serving.maker.make(weight=1), serving.maker.make(weight=2)
    for version, weight in ((first, 1), (second, 2), (first, 1)):
        assert serving.promote(version) is None
        champion = serving.now.champion
        assert champion.version == version
        scores = champion.model.predict([champion.rows.read(ROW)]).scores
        assert scores == pytest.approx([score_of(ROW, weight)])
    assert serving.fates == {"loaded": 3}
    assert [each.champion.number for each in serving.told] == [1, 2, 1]


def test_a_canary_that_becomes_champion_is_not_loaded_again(serving: Serving) -> None:
    first, second, third = (serving.maker.make() for _ in range(3))
    serving.promote(first, canary=second, shadow=third)
    assert serving.running() == {"champion": 1, "canary": 2, "shadow": 3}
    canary = serving.now.versions["canary"]
    serving.promote(second)
    assert serving.running() == {"champion": 2}
    assert serving.now.champion is canary
    assert serving.loads == [1, 2, 3]


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (lambda version: msgspec.structs.replace(version, manifest_sha256="0" * 64), "not the one that was promoted"),
        (lambda version: tampered(version), "was changed"),
        (lambda version: msgspec.structs.replace(version, uri=version.uri + "-gone"), "can't be read"),
    ],
    ids=["other", "tampered", "gone"],
)
def test_of_a_version_that_is_refused_the_last_good_one_goes_on(
    serving: Serving, spoilt: Callable[[ModelVersion], ModelVersion], reason: str
) -> None:
    good, bad = serving.maker.make(), serving.maker.make()
    serving.promote(good)
    assert serving.promote(spoilt(bad)) == REFUSED_RETRY_S
    assert serving.running() == {"champion": 1}
    assert reason in serving.now.problems["champion"] and "version 2" in serving.now.problems["champion"]
    assert serving.fates == {"loaded": 1, "refused": 1}
    serving.promote(serving.maker.make())
    assert serving.running() == {"champion": 3} and not serving.now.problems


def test_a_canary_that_is_refused_leaves_the_champion_alone(serving: Serving) -> None:
    serving.promote(serving.maker.make(), canary=tampered(serving.maker.make()))
    assert serving.running() == {"champion": 1}
    assert serving.now.problems.keys() == {"canary"}


def test_of_a_trial_that_is_refused_none_runs_whatever_ran_before(serving: Serving) -> None:
    champion = serving.maker.make()
    serving.promote(champion, canary=serving.maker.make(), shadow=serving.maker.make())
    assert serving.running() == {"champion": 1, "canary": 2, "shadow": 3}
    serving.promote(champion, canary=tampered(serving.maker.make()), shadow=tampered(serving.maker.make()))
    assert serving.running() == {"champion": 1}
    assert serving.now.problems.keys() == {"canary", "shadow"}


@pytest.mark.parametrize("away", ["artifact", "keys"])
def test_what_was_refused_and_is_mended_runs_at_the_next_try_of_the_same_promotion(
    serving: Serving, tmp_path: Path, away: str
) -> None:
    serving.promote(serving.maker.make())
    version = serving.maker.make()
    place = Path(version.uri) if away == "artifact" else serving.maker.keys
    place.rename(tmp_path / "elsewhere")
    assert serving.promote(version) == REFUSED_RETRY_S
    assert serving.running() == {"champion": 1}
    (tmp_path / "elsewhere").rename(place)
    assert serving.swap.apply(serving.promotion) is None
    assert serving.running() == {"champion": 2} and not serving.now.problems


def test_a_version_of_an_online_model_is_no_problem_and_needs_no_load(serving: Serving) -> None:
    online = serving.maker.make_online()
    assert serving.promote(online, canary=online) is None
    assert serving.running() == {} and not serving.now.problems
    assert {role: version.number for role, version in serving.now.online.items()} == {"champion": 1, "canary": 1}
    assert serving.now.manifest.task == "regression"
    with pytest.raises(NotLoaded, match="process_predictions runs"):
        _ = serving.now.champion
    loads = len(serving.loads)
    serving.promote(online)
    assert len(serving.loads) == loads and serving.fates == {"online": loads}
    serving.promote(serving.maker.make())
    assert serving.running() == {"champion": 2} and not serving.now.online


def test_an_online_version_is_checked_as_any_other_is(serving: Serving) -> None:
    serving.promote(serving.maker.make_online("other"))
    assert "of model other" in serving.now.problems["champion"]
    online = serving.maker.make_online()
    (Path(online.uri) / "card.md").write_text("changed")
    serving.promote(online)
    assert "was changed" in serving.now.problems["champion"] and not serving.now.online


def test_a_withdrawn_model_is_unknown(serving: Serving) -> None:
    version = serving.maker.make()
    serving.promote(version)
    assert serving.swap.apply(Withdrawal("usage")) is None
    assert serving.deployments.get("usage") is None and serving.withdrawn == ["usage"]
    serving.promote(version)
    assert serving.running() == {"champion": 1}


def test_a_model_is_known_from_when_it_is_announced(serving: Serving) -> None:
    version = serving.maker.make()
    serving.deployments.announce(Promotion("usage", 1, version, 1))
    with pytest.raises(NotLoaded, match="being loaded"):
        _ = serving.now.champion
    serving.promote(version)
    serving.deployments.announce(Promotion("usage", 2, version, 1))
    assert serving.running() == {"champion": 1}, "what runs stays"


def test_without_a_good_one_the_reason_is_told(serving: Serving) -> None:
    with pytest.raises(NotLoaded, match="headrace models promote usage"):
        _ = serving.now
    serving.promote(tampered(serving.maker.make()))
    with pytest.raises(NotLoaded, match="was changed"):
        _ = serving.now.champion
    assert serving.deployments.champions() == {}


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ({"name": "fraud"}, "of model fraud"),
        ({"content": b"not a model"}, "no ONNX model"),
        ({"typical": {"Call  Failure": "a text"}}, "can't score a typical row"),
    ],
    ids=["other model", "no model", "fails"],
)
def test_what_cannot_answer_is_refused(serving: Serving, made: dict[str, object], reason: str) -> None:
    assert serving.promote(serving.maker.make(**made)) == REFUSED_RETRY_S  # type: ignore[arg-type]  # from the table above
    assert reason in serving.now.problems["champion"]


def test_without_keys_no_model_is_trusted(serving: Serving, tmp_path: Path) -> None:
    deployments: Deployments[LoadedVersion] = Deployments()
    loader = VersionLoader(None, "THE_SETTING", tmp_path)
    Swap(loader.load, deployments).apply(Promotion("usage", 1, serving.maker.make(), 1))
    assert "set THE_SETTING" in deployments.promoted("usage").problems["champion"]


def test_a_store_that_does_not_answer_is_to_be_asked_again(serving: Serving) -> None:
    first, second = serving.maker.make(), serving.maker.make()
    serving.promote(first)
    serving.error = TransientError("the store doesn't answer")
    assert serving.promote(second, shadow=tampered(serving.maker.make())) == UNAVAILABLE_RETRY_S
    assert serving.running() == {"champion": 1}
    assert "doesn't answer" in serving.now.problems["champion"]
    serving.error = None
    assert serving.promote(second) is None
    assert serving.running() == {"champion": 2} and not serving.now.problems
    assert serving.fates == {"loaded": 2, "unavailable": 2}


def test_an_error_of_a_library_is_a_refusal(serving: Serving) -> None:
    serving.promote(serving.maker.make())
    serving.error = RuntimeError("a bug of a library")
    assert serving.promote(serving.maker.make()) == REFUSED_RETRY_S
    assert serving.running() == {"champion": 1}
    assert "a bug of a library" in serving.now.problems["champion"]


def tampered(version: ModelVersion) -> ModelVersion:
    path = Path(version.uri) / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    return version
