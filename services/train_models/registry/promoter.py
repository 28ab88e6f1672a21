"""Promotes versions: judges, writes to `models.promoted`, and repeats it in the registry."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from headrace.clock import Clock, SystemClock
from headrace.errors import ConfigurationError, HeadraceError, TransientError
from headrace.models.artifact import Artifact, load_artifact
from headrace.models.records import ModelVersion, Promotion
from headrace.models.signing import read_public_keys
from headrace.models.version_loader import VersionLoader
from train_models.model_file import load_model_file
from train_models.registry import promotion_rules as rules
from train_models.registry.gates import Gate, Verdict
from train_models.registry.hold_out import Array, HoldOut, read_hold_out
from train_models.registry.judge_candidate import Champion, judge_candidate
from train_models.registry.mlflow_registry import Registry
from train_models.registry.promotion import Rule, change_promotion, read_promotion
from train_models.registry.version_scores import check_scores, score_rows
from train_models.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Promoted:
    """What a promotion came to.

    Attributes:
        promotion: how the model stands now; None where it was refused and no version was promoted before.
        verdict: None where no gate was asked.
    """

    promotion: Promotion | None
    verdict: Verdict | None
    is_refused: bool = False


class Promoter:
    """Changes which versions run.

    Each method raises TransientError where Kafka or MLflow doesn't answer or another one promoted meanwhile, and may
    then be called again: what took effect is not done twice. A version begins to run only when it was loaded here as
    servers load it; one that can't be raises ConfigurationError, whatever is forced.
    """

    def __init__(self, settings: Settings, registry: Registry, clock: Clock | None = None) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock or SystemClock()

    def judge(self, name: str, number: int | None = None, champion: ModelVersion | None = None) -> Verdict:
        """What the gates say of a version, the newest where none is named.

        Args:
            champion: to compare with, in place of the present one.
        """
        version = self._registry.version(name, number).version
        if champion is None:
            standing = self._standing(read_promotion(self._settings.brokers, name), version)
            champion = standing.champion if standing else None
        return self._judge(name, version, champion)

    def promote(self, name: str, number: int | None = None, force: str = "") -> Promoted:
        """Makes a version the champion if it passes the gates.

        Args:
            number: the newest where it is None.
            force: why it is promoted whatever the gates say; recorded.
        """
        version = self._registry.version(name, number).version
        standing = self._standing(read_promotion(self._settings.brokers, name), version)
        champion = standing.champion if standing else None
        if champion == version:
            return Promoted(self._change(name, lambda current: current or _gone(name)), None)
        verdict = self._judge(name, version, champion)
        if not verdict.passed and not force:
            return Promoted(standing, verdict, is_refused=True)

        def rule(current: Promotion | None) -> Promotion:
            current = self._standing(current, version)
            if (current.champion if current else None) not in (champion, version):
                raise TransientError(f"the champion of {name} changed while the gates judged: do it again")
            return rules.with_champion(current, name, version, self._clock.now_us(), _reason(verdict, force))

        return Promoted(self._change(name, rule), verdict)

    def start_canary(self, name: str, number: int | None, share: float) -> Promotion:
        """Lets a version answer a share of the requests; no gate is asked, as this is how one is tried."""
        version = self._registry.version(name, number).version
        return self._change(
            name, lambda current: rules.with_canary(current, name, version, share, self._clock.now_us())
        )

    def start_shadow(self, name: str, number: int | None) -> Promotion:
        """Has a version scored beside those that answer."""
        version = self._registry.version(name, number).version
        return self._change(name, lambda current: rules.with_shadow(current, name, version, self._clock.now_us()))

    def end_canary(self, name: str) -> Promotion:
        """The champion answers all requests again."""
        return self._change(name, lambda current: rules.without_canary(current, name, self._clock.now_us()))

    def end_shadow(self, name: str) -> Promotion:
        """No version is scored beside those that answer."""
        return self._change(name, lambda current: rules.without_shadow(current, name, self._clock.now_us()))

    def roll_back(self, name: str, reason: str = "") -> Promotion:
        """Back to the champion before this one."""
        return self._change(name, lambda current: rules.rolled_back(current, name, self._clock.now_us(), reason))

    def _standing(self, current: Promotion | None, version: ModelVersion) -> Promotion | None:
        """How a model stands before a version is promoted, given what the topic says."""
        return current

    def _change(self, name: str, rule: Rule) -> Promotion:
        def checked(current: Promotion | None) -> Promotion:
            wanted = rule(current)
            for version in _beginning(current, wanted):
                with _said_of(name, version):
                    self._load_as_served(name, version)
            return wanted

        promotion = change_promotion(self._settings.brokers, name, checked)
        try:
            self._registry.mirror(promotion)
        except HeadraceError as error:
            # The topic is what counts; the next change sets the aliases right.
            log.warning("promoted, but MLflow's aliases are old", extra={"model": name, "problem": str(error)})
        return promotion

    def _judge(self, name: str, version: ModelVersion, champion: ModelVersion | None) -> Verdict:
        file = load_model_file(name, self._settings.models)
        try:
            hold_out = read_hold_out(run_folder(self._settings, version))
        except ConfigurationError as error:
            return Verdict((Gate("hold-out", False, str(error)),))
        with _said_of(name, version):
            check_scores(self._load(version), hold_out)
        found = self._champion(champion) if champion else None
        return judge_candidate(file.gates, file.task, file.slices, hold_out, found)

    def _load_as_served(self, name: str, version: ModelVersion) -> None:
        """Raises ConfigurationError where the version's artifact isn't one that servers would run."""
        VersionLoader(self._settings.public_keys_file, "TRAIN_MODELS_PUBLIC_KEYS", self._scratch).load(name, version)

    def _champion(self, version: ModelVersion) -> Champion:
        name = f"version {version.version}"
        hold_out: HoldOut | None
        try:
            hold_out = read_hold_out(run_folder(self._settings, version))
        except ConfigurationError:
            hold_out = None
        return Champion(name, partial(self._score, version), hold_out.threshold if hold_out else None, hold_out)

    def _score(self, version: ModelVersion, frame: pd.DataFrame) -> Array:
        return score_rows(self._load(version), frame)

    def _load(self, version: ModelVersion) -> Artifact:
        keys = read_public_keys(self._settings.public_keys_file)
        return load_artifact(
            version.uri, manifest_sha256=version.manifest_sha256, public_keys=keys, scratch=self._scratch
        )

    @property
    def _scratch(self) -> Path:
        return self._settings.data / "scratch"


def run_folder(settings: Settings, version: ModelVersion) -> Path:
    """Where the training of a version left its hold-out."""
    return settings.runs / version.manifest_sha256


def _beginning(current: Promotion | None, wanted: Promotion) -> list[ModelVersion]:
    """Versions that get a role which they didn't have."""
    had = (None, None, None) if current is None else (current.champion, current.canary, current.shadow)
    has = (wanted.champion, wanted.canary, wanted.shadow)
    return [each for each, before in zip(has, had, strict=True) if each is not None and each != before]


@contextmanager
def _said_of(name: str, version: ModelVersion) -> Iterator[None]:
    """Names the version in the errors of what is wrong with it."""
    try:
        yield
    except ConfigurationError as error:
        raise ConfigurationError(f"version {version.version} of {name} can't run: {error}") from error


def _reason(verdict: Verdict, force: str) -> str:
    if not verdict.passed:
        return f"forced: {force} (not passed: {', '.join(verdict.failed)})"
    better = next((gate for gate in verdict.gates if gate.name.startswith("better")), None)
    return f"{better.name}: {better.detail}" if better else "passed"


def _gone(name: str) -> Promotion:
    raise TransientError(f"the promotion of {name} is gone: do it again")
