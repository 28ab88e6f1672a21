"""Promotes versions of online models: judged by what they predicted, and swapped by process_predictions."""

from contextlib import suppress

from headrace.clock import Clock
from headrace.errors import ConfigurationError
from headrace.models.artifact_error import OnlineArtifact
from headrace.models.online import OnlineModel
from headrace.models.records import ModelVersion, Promotion
from train_models.data.places import Places
from train_models.online.judged_periods import judged_periods
from train_models.online.online_gates import loss_of, metric_of, online_verdict
from train_models.online.register_variants import check_runs
from train_models.registry import promotion_rules as rules
from train_models.registry.gates import Verdict
from train_models.registry.mlflow_registry import Registry
from train_models.registry.promoter import Promoter
from train_models.registry.promotion import read_promotion
from train_models.settings import Settings


class OnlinePromoter(Promoter):
    """As `Promoter`, of one online model.

    Before a version was promoted the file's first variant is the champion, to which a rollback goes back.

    Args:
        model: as `find_online_model` gives it.
        since_us: start of the first period by which versions are compared.
    """

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        model: OnlineModel,
        since_us: int = 0,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(settings, registry, clock)
        self._model = model
        self._since_us = since_us

    def champion(self, candidate: ModelVersion) -> ModelVersion | None:
        """What a version would take the place of; None where nothing was promoted and it stands first in the file."""
        standing = self._standing(read_promotion(self._settings.brokers, self._model.name), candidate)
        return standing.champion if standing else None

    def start_canary(self, name: str, number: int | None, share: float) -> Promotion:
        """Refused."""
        raise _all_run_anyway(name)

    def start_shadow(self, name: str, number: int | None) -> Promotion:
        """Refused."""
        raise _all_run_anyway(name)

    def roll_back(self, name: str, reason: str = "") -> Promotion:
        """Back to the champion before this one, if the file still has it."""

        def rule(current: Promotion | None) -> Promotion:
            wanted = rules.rolled_back(current, name, self._clock.now_us(), reason)
            check_runs(self._model, self._registry.version(name, wanted.champion.version))
            return wanted

        return self._change(name, rule)

    def _standing(self, current: Promotion | None, version: ModelVersion) -> Promotion | None:
        first = self._model.variants[0].version
        if current is not None or version.version == first:
            return current
        return Promotion(self._model.name, 0, self._registry.version(self._model.name, first).version, 0)

    def _load_as_served(self, name: str, version: ModelVersion) -> None:
        # Its signature and its hashes are right then, and that is all there is to it.
        with suppress(OnlineArtifact):
            super()._load_as_served(name, version)

    def _judge(self, name: str, version: ModelVersion, champion: ModelVersion | None) -> Verdict:
        check_runs(self._model, self._registry.version(name, version.version))
        versions = [version.version] if champion is None else [version.version, champion.version]
        with judged_periods(self._model, places(self._settings), self._since_us) as periods:
            blocks = periods.blocks(versions, loss_of(metric_of(self._model)))
        return online_verdict(self._model, blocks, version.version, champion.version if champion else None)


def places(settings: Settings) -> Places:
    """Where predictions and outcomes are, and scratch for them."""
    return Places(data=settings.data, brokers=settings.brokers)


def _all_run_anyway(name: str) -> ConfigurationError:
    return ConfigurationError(
        f"{name} is an online model: all its variants predict and learn beside the champion anyway, so none is tried "
        f"as a canary or shadow; headrace models compare {name} shows how they do"
    )
