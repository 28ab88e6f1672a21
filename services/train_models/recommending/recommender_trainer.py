"""One training of a recommender, from its file to a registered version."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from headrace.clock import Clock, SystemClock
from headrace.models.manifest import CARD_FILE, Manifest, sha256
from train_models.choice.progress import Progress
from train_models.data.leftovers import SCRATCH
from train_models.data.snapshots import Snapshot
from train_models.data_in_use import in_use
from train_models.old_trainings import note_trained
from train_models.one_training import one_training
from train_models.recommending.comparison import Comparison, compared
from train_models.recommending.interaction_rows import freeze_interactions
from train_models.recommending.interactions import interactions_of
from train_models.recommending.recommender_card import recommender_card, recommender_report
from train_models.recommending.recommender_file import RecommenderFile
from train_models.recommending.recommender_manifest import files_of, manifest_of
from train_models.recommending.recommender_tables import Rows, rows_of
from train_models.registry.mlflow_registry import RegisteredVersion, Registry
from train_models.registry.same_model import identity_of
from train_models.registry.write_artifact import write_artifact
from train_models.settings import Settings
from train_models.train import REPORT_FILE, places_of, signing_key
from train_models.upkeep import remove_unneeded


@dataclass(frozen=True)
class TrainedRecommender:
    """What a training came to.

    Attributes:
        is_new: False where the registry had this very model already, made of the same interactions.
        rows: the figures in words, of `recommender_tables.rows_of`.
    """

    version: RegisteredVersion
    is_new: bool
    snapshot: Snapshot
    found: Comparison
    rows: Rows


class RecommenderTrainer:
    """Trains recommenders into one registry."""

    def __init__(self, settings: Settings, registry: Registry, clock: Clock | None = None) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock or SystemClock()

    def train(self, model: RecommenderFile, progress: Progress) -> TrainedRecommender:
        """Freezes the interactions, chooses, judges and registers; then removes what nobody needs any more.

        Raises:
            ConfigurationError: the file, the interactions or a place is wrong; says how to mend it.
            TransientError: Kafka or MLflow doesn't answer.
        """
        # Before the interactions are read, which may take long.
        signing_key(self._settings)
        with in_use(self._settings.data):
            trained = self._train(model, progress)
        remove_unneeded(self._settings, self._registry)
        return trained

    def _train(self, model: RecommenderFile, progress: Progress) -> TrainedRecommender:
        places = places_of(self._settings)
        progress.start(0, "interactions")
        snapshot = freeze_interactions(model.data, places, lambda rows: progress.advance(f"{rows:,} rows", None))
        folder = self._settings.data / "trainings" / model.name / _key(model, snapshot)
        with one_training(folder.with_suffix(".lock"), lambda: progress.start(0, "waiting for another process")):
            past = interactions_of(snapshot, model, places.data / SCRATCH, places.memory_mb)
            found = compared(past, model, progress)
            rows = rows_of(model, found)
            version, is_new = self._registered(model, found, rows, snapshot)
            folder.mkdir(parents=True, exist_ok=True)
            note_trained(folder, snapshot.sha256, self._clock.now_us())
        return TrainedRecommender(version, is_new, snapshot, found, rows)

    def _registered(
        self, model: RecommenderFile, found: Comparison, rows: Rows, snapshot: Snapshot
    ) -> tuple[RegisteredVersion, bool]:
        files = files_of(model, found)
        manifest = manifest_of(model, found, snapshot, files, self._clock.now_us())
        wanted = identity_of(manifest)
        for each in self._registry.versions(model.name):
            if wanted.items() <= each.tags.items():
                return each, False
        files[CARD_FILE] = recommender_card(model, found, rows, snapshot, manifest).encode()
        files[REPORT_FILE] = recommender_report(model, found, rows, snapshot, manifest).encode()
        return self._register(manifest, files), True

    def _register(self, manifest: Manifest, files: dict[str, bytes]) -> RegisteredVersion:
        scratch = self._settings.data / SCRATCH
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch) as made:
            folder = Path(made) / manifest.name
            write_artifact(folder, manifest, files, signing_key(self._settings))
            version = self._registry.register(folder)
        return self._registry.version(manifest.name, version.version)


def _key(model: RecommenderFile, snapshot: Snapshot) -> str:
    content = {"model": model.model_dump(mode="json"), "rows": snapshot.sha256}
    return sha256(json.dumps(content, sort_keys=True).encode())[:16]
