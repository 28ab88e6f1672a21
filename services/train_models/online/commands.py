"""What `headrace models` does with an online model."""

import math
import tempfile
from pathlib import Path

from rich.console import Group
from rich.markdown import Markdown
from rich.table import Table

from headrace.clock import SystemClock
from headrace.errors import ConfigurationError
from headrace.models.manifest import CARD_FILE
from headrace.models.online import OnlineModel
from train_models.online.judged_periods import judged_periods
from train_models.online.online_gates import loss_of, metric_of, online_verdict
from train_models.online.online_promoter import OnlinePromoter, places
from train_models.online.online_report import NOTHING, online_report_html
from train_models.online.online_tables import OUTCOMES, RANGE_TAG, figures_table, online_versions_table, shared_table
from train_models.online.prequential import PREFIX, Prequential
from train_models.online.register_variants import register_variants
from train_models.registry.mlflow_registry import RegisteredVersion, Registry
from train_models.registry.models_tables import verdict_table
from train_models.registry.promotion import read_promotion
from train_models.settings import Settings


class OnlineCommands:
    """The commands for one online model.

    Args:
        model: as `find_online_model` gives it.
        since_us: start of the first period by which versions are judged, microseconds UTC.
    """

    def __init__(self, settings: Settings, registry: Registry, model: OnlineModel, since_us: int = 0) -> None:
        self._settings = settings
        self._registry = registry
        self._model = model
        self._since_us = since_us
        self._clock = SystemClock()

    def register(self) -> Table:
        """Registers what is new in the file, and notes in the registry how good each version was."""
        from train_models.train import signing_key

        register_variants(
            self._model,
            self._registry,
            signing_key(self._settings),
            self._settings.data / "scratch",
            self._clock.now_us(),
        )
        with judged_periods(self._model, places(self._settings), self._since_us) as periods:
            found = periods.prequential()
        for version in self._versions():
            if figures := found.get(version.version.version):
                self._note(version, figures)
        return self.listed()

    def listed(self) -> Table:
        """The versions, with what was noted last."""
        return online_versions_table(
            self._model, self._versions(), read_promotion(self._settings.brokers, self._model.name)
        )

    def compare(self, first: int | None, second: int | None) -> Group:
        """Two versions on the periods that both predicted, and what the gates say."""
        name = self._model.name
        candidate = self._registry.version(name, first).version
        champion = (
            self._promoter().champion(candidate) if second is None else self._registry.version(name, second).version
        )
        if champion == candidate:
            raise ConfigurationError(
                f"version {candidate.version} of {name} would be compared with itself: name two versions"
            )
        versions = [candidate.version] if champion is None else [candidate.version, champion.version]
        with judged_periods(self._model, places(self._settings), self._since_us) as periods:
            blocks = periods.blocks(versions, loss_of(metric_of(self._model)))
        verdict = online_verdict(self._model, blocks, candidate.version, None if champion is None else champion.version)
        return Group(shared_table(self._model, blocks), verdict_table(verdict))

    def report(self, number: int | None) -> Group:
        """A version's card, and how good each version was."""
        version = self._registry.version(self._model.name, number)
        with judged_periods(self._model, places(self._settings), self._since_us) as periods:
            found = periods.prequential()
        with tempfile.TemporaryDirectory() as scratch:
            card = self._registry.fetch(version, CARD_FILE, Path(scratch)).read_text()
        figures = figures_table(self._model, found) if found else NOTHING
        return Group(Markdown(f"{card}\n## How good the versions were"), "", figures)

    def page(self) -> str:
        """The report with a picture, as HTML."""
        with judged_periods(self._model, places(self._settings), self._since_us) as periods:
            found = periods.prequential()
            blocks = periods.blocks(list(found), loss_of(metric_of(self._model))) if found else None
        promotion = read_promotion(self._settings.brokers, self._model.name)
        return online_report_html(self._model, found, blocks, promotion)

    def _promoter(self) -> OnlinePromoter:
        return OnlinePromoter(self._settings, self._registry, self._model, self._since_us)

    def _versions(self) -> list[RegisteredVersion]:
        # Asked for first, as the error says what to do where there is none.
        self._registry.version(self._model.name)
        return self._registry.versions(self._model.name)

    def _note(self, version: RegisteredVersion, figures: Prequential) -> None:
        metrics = {OUTCOMES: float(figures.outcomes)}
        metrics |= {
            f"{PREFIX}{name}": value for name, value in figures.metrics(self._model).items() if math.isfinite(value)
        }
        self._registry.note(self._model.name, version, metrics, {RANGE_TAG: figures.span}, self._clock.now_us())
