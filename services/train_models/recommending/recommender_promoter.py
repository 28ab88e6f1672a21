"""Promotes versions of a recommender: judged on what people did next, and swapped by serve_api."""

import numpy as np

from headrace.clock import Clock
from headrace.errors import ConfigurationError
from headrace.models.artifact_error import RecommenderArtifact
from headrace.models.records import ModelVersion, Promotion
from train_models.data.leftovers import SCRATCH
from train_models.data.snapshots import load_snapshot
from train_models.recommending.cases import cases_of
from train_models.recommending.comparison import baselines_of
from train_models.recommending.interactions import interactions_of
from train_models.recommending.ranks import ranks_of_model
from train_models.recommending.recommender_file import RecommenderFile
from train_models.recommending.recommender_gates import Judged, recommender_verdict
from train_models.registry.gates import Gate, Verdict
from train_models.registry.mlflow_registry import Registry
from train_models.registry.promoter import Promoter
from train_models.settings import Settings
from train_models.train import places_of


class RecommenderPromoter(Promoter):
    """As `Promoter`, of one recommender. Both versions rank the same cases anew, from what their artifacts hold."""

    def __init__(
        self, settings: Settings, registry: Registry, model: RecommenderFile, clock: Clock | None = None
    ) -> None:
        super().__init__(settings, registry, clock)
        self._model = model

    def start_shadow(self, name: str, number: int | None) -> Promotion:
        """Refused."""
        raise ConfigurationError(
            f"{name} is a recommender, of which no shadow runs: what it would have answered has no outcome. Try it by "
            f"--canary SHARE, or headrace models compare {name}"
        )

    def _load_as_served(self, name: str, version: ModelVersion) -> None:
        try:
            super()._load_as_served(name, version)
        except RecommenderArtifact as served:
            self._check_site(served)
        else:
            raise ConfigurationError("its artifact holds no recommender, as the model's file says")

    def _judge(self, name: str, version: ModelVersion, champion: ModelVersion | None) -> Verdict:
        own = self._recommender(version)
        self._check_site(own)
        before = None if champion is None else self._recommender(champion)
        model, split, places = self._model, self._model.validation, places_of(self._settings)
        try:
            snapshot = load_snapshot(own.manifest.data_sha256, self._settings.data)
        except ConfigurationError as error:
            gone = f"{error}; where a person of them was erased the rows are gone, so train again"
            return Verdict((Gate("hold-out", False, gone),))
        past = interactions_of(snapshot, model, places.data / SCRATCH, places.memory_mb)
        begin = int(np.searchsorted(past.times, own.found.fitted_until, "left"))
        cases = cases_of(past, begin, len(past), split.cases, split.seed)
        if before is not None:
            # Of what it was fitted on it knows the answers.
            cases = cases.since(before.found.fitted_until)
        judged = Judged(
            cases,
            ranks_of_model(own.found.model, past.items, cases),
            baselines_of(past, cases, begin, model.half_life_days),
            None if before is None else ranks_of_model(before.found.model, past.items, cases),
            "" if champion is None else f"version {champion.version}",
        )
        return recommender_verdict(model.gates, judged)

    def _recommender(self, version: ModelVersion) -> RecommenderArtifact:
        try:
            self._load(version)
        except RecommenderArtifact as found:
            return found
        raise ConfigurationError(f"version {version.version} of {self._model.name} holds no recommender")

    def _check_site(self, served: RecommenderArtifact) -> None:
        if served.found.site != self._model.site:
            raise ConfigurationError(
                f"it recommends items of site {served.found.site!r}, and {self._model.name}.yaml says "
                f"{self._model.site!r}"
            )
