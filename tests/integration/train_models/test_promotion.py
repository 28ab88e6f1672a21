"""From a registered version to what a server hears, through a real Kafka and a real MLflow."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Producer as PlainProducer

from deploy.local.stack import Stack
from headrace.errors import ConfigurationError, TransientError
from headrace.kafka import Producer, producer_config
from headrace.models.promoted import PromotedModels
from headrace.models.records import PROMOTED, ModelVersion, Promotion
from headrace.records import encode, headers_of
from headrace.testing import wait_until
from tests.integration.train_models.toy_model import Toy
from train_models.registry import promotion_rules as rules
from train_models.registry.hold_out import read_hold_out, write_hold_out
from train_models.registry.mlflow_registry import Registry
from train_models.registry.promoter import Promoter, run_folder
from train_models.registry.promotion import _begin, change_promotion, read_promotion
from train_models.settings import Settings


@pytest.fixture(scope="module")
def settings(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("promotion")
    return Settings(brokers=stack.brokers, data=folder / "data", models=folder / "models")


@pytest.fixture(scope="module")
def registry(settings: Settings) -> Registry:
    return Registry(settings.registry_uri, settings.artifacts_uri)


@pytest.fixture
def name() -> str:
    return f"m{uuid4().hex[:12]}"


@pytest.fixture
def toy(settings: Settings, registry: Registry, name: str) -> Toy:
    return Toy(settings, registry, name)


@pytest.fixture
def promoter(settings: Settings, registry: Registry) -> Promoter:
    return Promoter(settings, registry)


@pytest.fixture
def server(stack: Stack) -> Iterator[PromotedModels]:
    models = PromotedModels(stack.brokers, lambda _: None, lambda error: None)
    models.start(10)
    yield models
    models.stop()


def test_a_better_version_becomes_the_champion_and_servers_hear_of_it(
    toy: Toy, promoter: Promoter, server: PromotedModels
) -> None:
    weak = toy.train("noise", "signal")
    first = promoter.promote(toy.name)
    assert first.promotion and first.promotion.champion == weak
    found = wait_until(lambda: server.get(toy.name), "the server to hear of it", timeout=5)
    assert found == first.promotion
    assert found.reason.startswith("better than baseline majority: roc_auc")
    assert _alias(toy, "champion") == 1


def test_a_worse_version_is_kept_out_and_may_be_forced_for_a_reason(toy: Toy, promoter: Promoter) -> None:
    good, bad = toy.train("signal"), toy.train("noise")
    assert promoter.promote(toy.name, good.version).promotion
    refused = promoter.promote(toy.name, bad.version)
    assert refused.is_refused and refused.verdict
    assert refused.verdict.failed == ("better than version 1",)
    standing = read_promotion(toy.settings.brokers, toy.name)
    assert standing and standing.champion == good and standing.revision == 1
    forced = promoter.promote(toy.name, bad.version, force="a test of the alarm")
    assert forced.promotion and forced.promotion.champion == bad and forced.promotion.before == (good,)
    assert forced.promotion.reason == "forced: a test of the alarm (not passed: better than version 1)"


def test_a_version_that_is_better_than_a_weak_champion_passes(toy: Toy, promoter: Promoter) -> None:
    weak, strong = toy.train("noise"), toy.train("signal")
    assert promoter.promote(toy.name, weak.version).is_refused, "it is no better than the majority"
    promoter.promote(toy.name, weak.version, force="there is none yet")
    done = promoter.promote(toy.name, strong.version)
    assert done.promotion and done.promotion.champion == strong
    assert "better than version 1: roc_auc" in done.promotion.reason and "400 rows" in done.promotion.reason


def test_the_file_may_ask_for_more(toy: Toy, promoter: Promoter) -> None:
    toy.train("signal")
    toy.write_file(least=0.99)
    refused = promoter.promote(toy.name)
    assert refused.is_refused and refused.verdict and refused.verdict.failed == ("least roc_auc",)


def test_a_champion_that_was_tampered_with_is_not_compared(toy: Toy, promoter: Promoter) -> None:
    weak, strong = toy.train("noise"), toy.train("signal")
    promoter.promote(toy.name, weak.version, force="there is none yet")
    model = next(path for path in Path(weak.uri).iterdir() if path.name.startswith("model."))
    model.write_bytes(model.read_bytes() + b"x")
    refused = promoter.promote(toy.name, strong.version)
    assert refused.is_refused and refused.verdict and "was changed" in refused.verdict.gates[-1].detail


def _break(version: ModelVersion) -> None:
    model = next(path for path in Path(version.uri).iterdir() if path.name.startswith("model."))
    model.write_bytes(model.read_bytes() + b"x")


def test_a_broken_artifact_begins_to_run_in_no_way(toy: Toy, promoter: Promoter) -> None:
    good, broken = toy.train("signal"), toy.train("noise", "signal")
    promoter.promote(toy.name, broken.version, force="to go back to")
    promoter.promote(toy.name, good.version, force="to go back from")
    standing = read_promotion(toy.settings.brokers, toy.name)
    _break(broken)
    said = r"version 2 of .* can't run: model.* was changed"
    for attempt in (
        lambda: promoter.promote(toy.name, broken.version),
        lambda: promoter.promote(toy.name, broken.version, force="I know better"),
        lambda: promoter.start_canary(toy.name, broken.version, 0.1),
        lambda: promoter.start_shadow(toy.name, broken.version),
        lambda: promoter.roll_back(toy.name),
    ):
        with pytest.raises(ConfigurationError, match=said):
            attempt()
    shutil.rmtree(run_folder(toy.settings, broken))
    # It ran when it was not broken yet.
    change_promotion(
        toy.settings.brokers, toy.name, lambda current: rules.with_canary(current, toy.name, broken, 0.1, 9)
    )
    standing = read_promotion(toy.settings.brokers, toy.name)
    with pytest.raises(ConfigurationError, match=said):
        promoter.promote(toy.name, broken.version, force="no hold-out was left to score")
    assert read_promotion(toy.settings.brokers, toy.name) == standing


def test_a_version_is_judged_by_what_it_says_and_not_by_what_lies_in_a_folder(toy: Toy, promoter: Promoter) -> None:
    version = toy.train("noise")
    folder = run_folder(toy.settings, version)
    left = read_hold_out(folder)
    write_hold_out(replace(left, scores={**left.scores, "logistic": left.rows.target.astype(float)}), folder)
    for force in ("", "it is perfect"):
        with pytest.raises(
            ConfigurationError, match=r"version 1 of .* does not give the scores that its training left"
        ):
            promoter.promote(toy.name, version.version, force=force)
    assert read_promotion(toy.settings.brokers, toy.name) is None


def test_the_artifact_of_another_model_is_refused(toy: Toy, promoter: Promoter) -> None:
    strong = toy.train("signal")
    promoter.promote(toy.name, strong.version)
    other = Toy(toy.settings, toy.registry, f"{toy.name}_b").train("signal")
    change = promoter._change
    with pytest.raises(ConfigurationError, match=f"its artifact is one of model {toy.name}_b"):
        change(toy.name, lambda current: rules.with_shadow(current, toy.name, other, 1))


def test_canary_shadow_and_rollback_one_after_the_other(toy: Toy, promoter: Promoter, server: PromotedModels) -> None:
    strong, weak = toy.train("signal"), toy.train("noise")
    promoter.promote(toy.name, strong.version)
    tried = promoter.start_canary(toy.name, weak.version, 0.1)
    assert (tried.champion, tried.canary, tried.canary_share) == (strong, weak, 0.1)
    shadowed = promoter.start_shadow(toy.name, weak.version)
    assert (shadowed.canary, shadowed.shadow) == (None, weak)
    assert promoter.end_shadow(toy.name).shadow is None
    promoter.promote(toy.name, weak.version, force="to go back from")
    back = promoter.roll_back(toy.name, "it alarms")
    assert (back.champion, back.before, back.reason) == (strong, (), "rollback from version 2: it alarms")
    wait_until(lambda: server.get(toy.name) == back, "the server to hear of the rollback", timeout=5)
    assert _alias(toy, "champion") == 1
    with pytest.raises(ConfigurationError, match="no champion before version 1"):
        promoter.roll_back(toy.name)


def test_a_promotion_that_was_killed_before_the_registry_heard_is_done_again_without_harm(
    toy: Toy, promoter: Promoter
) -> None:
    version = toy.train("signal")
    change_promotion(
        toy.settings.brokers, toy.name, lambda current: rules.with_champion(current, toy.name, version, 1, "killed")
    )
    done = promoter.promote(toy.name)
    assert done.promotion and done.promotion.revision == 1 and done.promotion.reason == "killed"
    assert _alias(toy, "champion") == 1


def test_a_registry_that_is_away_does_not_undo_a_promotion(toy: Toy, promoter: Promoter, name: str) -> None:
    version = toy.train("signal")
    promoter.promote(name)
    away = Promoter(toy.settings, Registry("postgresql://nobody@127.0.0.1:1/mlflow", "unused"))
    change_promotion(
        toy.settings.brokers, name, lambda current: rules.with_shadow(current, name, ModelVersion(9, "/9", "9"), 2)
    )
    assert away.end_shadow(name).champion == version


def _alias(toy: Toy, role: str) -> int:
    return int(toy.registry._mlflow().get_model_version_by_alias(toy.name, role).version)


def _version(number: int) -> ModelVersion:
    return ModelVersion(number, f"/artifacts/{number}", f"{number:064x}")


_PROMOTES = """
import random, sys, time
from headrace.errors import TransientError
from headrace.models.records import ModelVersion
from train_models.registry.promotion import change_promotion
from train_models.registry.promotion_rules import with_champion
brokers, name, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
for number in range(first, first + count):
    version = ModelVersion(number, f"/artifacts/{number}", f"{number:064x}")
    while True:
        try:
            change_promotion(brokers, name, lambda current: with_champion(current, name, version, number, ""))
            break
        except TransientError as error:
            print(error)
            # As who does it again would: two who begin at the same moment overtake each other.
            time.sleep(random.random())
"""


def test_two_who_promote_at_once_lose_no_change(stack: Stack, name: str) -> None:
    """Every change that was confirmed is in the history once, in whatever order.

    One that Kafka didn't confirm may be there, and is made again.
    """
    commands = [[sys.executable, "-c", _PROMOTES, stack.brokers, name, str(first), "5"] for first in (1, 101)]
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda command: subprocess.run(command, capture_output=True, text=True), commands))
    assert [each.returncode for each in ended] == [0, 0], [each.stderr for each in ended]
    overtaken = [line for each in ended for line in each.stdout.splitlines()]
    unconfirmed = [line for line in overtaken if "came in between" not in line]
    assert all("not confirmed" in line for line in unconfirmed), unconfirmed
    standing = read_promotion(stack.brokers, name)
    assert standing and 10 <= standing.revision <= 10 + len(unconfirmed)
    all_of_them = {each.version for each in (standing.champion, *standing.before)}
    assert all_of_them == {*range(1, 6), *range(101, 106)}


def test_who_was_overtaken_writes_nothing(stack: Stack, name: str) -> None:
    def rule(current: Promotion | None) -> Promotion:
        # Meanwhile, on another machine.
        change_promotion(stack.brokers, name, lambda other: rules.with_champion(other, name, _version(2), 2, "other"))
        return rules.with_champion(current, name, _version(1), 1, "slow")

    with pytest.raises(TransientError, match="came in between"):
        change_promotion(stack.brokers, name, rule)
    standing = read_promotion(stack.brokers, name)
    assert standing and standing.champion == _version(2) and standing.revision == 1


def test_one_that_was_killed_in_the_middle_is_as_if_it_never_was(stack: Stack, name: str) -> None:
    killed = PlainProducer(producer_config(stack.brokers, "killed", **{"transactional.id": f"{PROMOTED}-{name}"}))
    killed.init_transactions(10)
    killed.begin_transaction()
    left = Promotion(name, 7, _version(7), 7)
    killed.produce(PROMOTED, encode(left), name.encode(), headers=list(headers_of(left)))
    killed.flush(10)
    done = change_promotion(stack.brokers, name, lambda current: rules.with_champion(current, name, _version(1), 1, ""))
    assert done.revision == 1 and read_promotion(stack.brokers, name) == done


def test_one_that_hangs_holds_up_the_promotions_of_others_for_seconds(stack: Stack, name: str) -> None:
    hanging = _begin(stack.brokers, f"{name}_hangs")
    hanging.begin_transaction()
    left = Promotion(f"{name}_hangs", 1, _version(7), 7)
    hanging.produce(PROMOTED, encode(left), left.name.encode(), headers=list(headers_of(left)))
    hanging.flush(10)
    started = time.monotonic()
    done = change_promotion(stack.brokers, name, lambda current: rules.with_champion(current, name, _version(1), 1, ""))
    took = time.monotonic() - started
    assert read_promotion(stack.brokers, name) == done
    assert 2 < took < 12, "the reader waits for what is open, which Kafka ends after 5 s"
    assert read_promotion(stack.brokers, left.name) is None


def test_a_record_of_a_longer_name_does_not_stop_a_rollback(stack: Stack, name: str) -> None:
    """Such as one that a later version of Headrace wrote."""
    change_promotion(stack.brokers, name, lambda current: rules.with_champion(current, name, _version(1), 1, ""))
    change_promotion(stack.brokers, name, lambda current: rules.with_champion(current, name, _version(2), 2, ""))
    writer, other = Producer(stack.brokers, "later"), f"{name}_v2"
    try:
        writer.produce(PROMOTED, b'{"later":1}', other.encode(), [("schema", b"promotion.v9")])
        writer.flush(10)
        back = change_promotion(stack.brokers, name, lambda current: rules.rolled_back(current, name, 3))
        assert back.champion == _version(1)
        with pytest.raises(ConfigurationError, match="can't read"):
            read_promotion(stack.brokers, other)
    finally:
        # The topic is shared with tests that read all of it.
        writer.produce(PROMOTED, None, other.encode())
        writer.flush(10)


def test_kafka_away_is_said(name: str) -> None:
    with pytest.raises(TransientError, match="not confirmed"):
        change_promotion("127.0.0.1:1", name, lambda current: Promotion(name, 1, _version(1), 0))
