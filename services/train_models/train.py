"""One training, from a model file to a registered version."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sklearn.pipeline import Pipeline

from headrace.clock import Clock, SystemClock
from headrace.models.manifest import CARD_FILE, Manifest
from headrace.models.signing import ensure_key_pair, read_signing_key
from train_models.choice.candidates import check
from train_models.choice.choose import choose
from train_models.choice.progress import Progress
from train_models.choice.run_store import key_of, look_of
from train_models.data.freeze import freeze
from train_models.data.leak_scan import Finding, leak_scan, refuse_leaks
from train_models.data.places import Places
from train_models.data.snapshots import Snapshot
from train_models.data.training_rows import PreparedRows, training_rows
from train_models.data_in_use import in_use
from train_models.features.pipeline import build_pipeline
from train_models.hold_out_ledger import HeldRows, HoldOutLedger, held_rows
from train_models.judging.caveats import of_earlier_runs
from train_models.judging.judge import judge
from train_models.judging.judged import Judged
from train_models.judging.model_card import model_card
from train_models.judging.report import report_html
from train_models.judging.report_facts import ReportFacts
from train_models.model_file import ModelFile
from train_models.old_trainings import note_trained
from train_models.one_training import one_training
from train_models.provenance import code, libraries
from train_models.registry.export_model import ExportedModel, export_model
from train_models.registry.hold_out import hold_out_of, write_hold_out
from train_models.registry.mlflow_registry import RegisteredVersion, Registry
from train_models.registry.same_model import identity_of
from train_models.registry.write_artifact import write_artifact
from train_models.settings import Settings
from train_models.training_result import TrainingResult, TrainingRows
from train_models.upkeep import remove_unneeded

REPORT_FILE = "report.html"
T = TypeVar("T")


@dataclass(frozen=True)
class Trained:
    """What a training came to.

    Attributes:
        is_new: False where the registry had this very model already, made of the same rows.
        findings: of the leak scan.
        exported: in which form it is served, and how that was compared with the fitted object.
    """

    version: RegisteredVersion
    is_new: bool
    snapshot: Snapshot
    findings: tuple[Finding, ...]
    judged: Judged
    exported: ExportedModel


class Trainer:
    """Trains models into one registry."""

    def __init__(self, settings: Settings, registry: Registry, clock: Clock | None = None) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock or SystemClock()
        self._ledger = HoldOutLedger(settings.data, self._clock)

    def train(self, model: ModelFile, progress: Progress) -> Trained:
        """Freezes the rows, chooses, judges, exports and registers.

        A training that is interrupted goes on where it was when it is begun again on the same rows. One that is done
        removes old runs and snapshots that nobody needs.

        Raises:
            ConfigurationError: the file, the rows or a place is wrong; says how to mend it.
            TransientError: Kafka, Cassandra or MLflow doesn't answer.
        """
        key = signing_key(self._settings)
        # Before the rows are read, which may take long.
        check(model.candidates, model.search, model.imbalance, model.task)
        with in_use(self._settings.data):
            trained = self._train(model, key, progress)
        remove_unneeded(self._settings, self._registry)
        return trained

    def _train(self, model: ModelFile, key: Ed25519PrivateKey, progress: Progress) -> Trained:
        snapshot = _frozen(model, places_of(self._settings), progress)
        prepared = training_rows(snapshot, model)
        findings = leak_scan(prepared.rows, model.task, model.validation.seed)
        refuse_leaks(findings, model.data.accept)
        folder = self._settings.data / "trainings" / model.name / _short(key_of(prepared.rows, model))
        with one_training(folder.with_suffix(".lock"), lambda: progress.start(0, "waiting for another process")):
            trained = self._trained(model, snapshot, prepared, findings, folder, key, progress)
            note_trained(folder, snapshot.sha256, self._clock.now_us())
            return trained

    def _trained(
        self,
        model: ModelFile,
        snapshot: Snapshot,
        prepared: PreparedRows,
        findings: tuple[Finding, ...],
        folder: Path,
        key: Ed25519PrivateKey,
        progress: Progress,
    ) -> Trained:
        result = self._choose(model, snapshot, prepared, findings, folder, progress)
        judged = self._judge(model, snapshot, result, progress)
        exported = _told(progress, "export", lambda: _export(result, model))
        facts = self._facts(snapshot, prepared, exported)
        manifest = manifest_of(model, facts, result, judged)
        known = self._same(manifest)
        if known is not None:
            return Trained(known, False, snapshot, findings, judged, exported)
        files = {
            **exported.files,
            CARD_FILE: model_card(model, facts, judged).encode(),
            REPORT_FILE: report_html(result, model, facts, judged).encode(),
        }
        version = self._register(manifest, files, result, model, key)
        return Trained(version, True, snapshot, findings, judged, exported)

    def _choose(
        self,
        model: ModelFile,
        snapshot: Snapshot,
        prepared: PreparedRows,
        findings: tuple[Finding, ...],
        folder: Path,
        progress: Progress,
    ) -> TrainingResult:
        def build(estimator: Any, needs_scaling: bool) -> Pipeline:
            return build_pipeline(model.features, prepared.rows.inputs, estimator, needs_scaling=needs_scaling)

        def before_look(held: TrainingRows) -> None:
            self._ledger.note(_known_by(held, model, snapshot), look_of(model), model.name)

        result = choose(prepared.rows, model, build, folder, progress, before_look)
        return replace(result, findings=tuple(_in_a_line(each) for each in findings))

    def _judge(self, model: ModelFile, snapshot: Snapshot, result: TrainingResult, progress: Progress) -> Judged:
        judged = _told(progress, "judging", lambda: judge(result, model))
        held = _known_by(result.rows.take(result.hold_out), model, snapshot)
        earlier = self._ledger.before(held, look_of(model))
        return replace(judged, caveats=(*judged.caveats, *of_earlier_runs(earlier)))

    def _facts(self, snapshot: Snapshot, prepared: PreparedRows, exported: ExportedModel) -> ReportFacts:
        left_out = {**snapshot.about.left_out}
        left_out |= {"without a label": prepared.without_label, "duplicates of an earlier row": prepared.duplicates}
        return ReportFacts(
            data_sha256=snapshot.sha256,
            data_rows=snapshot.rows,
            source=_in_words(snapshot),
            code=code(),
            libraries=libraries(),
            content_sha256=exported.content_sha256,
            created=self._clock.now_us(),
            left_out={why: count for why, count in left_out.items() if count},
        )

    def _same(self, manifest: Manifest) -> RegisteredVersion | None:
        wanted = identity_of(manifest)
        versions = self._registry.versions(manifest.name)
        return next((each for each in versions if wanted.items() <= each.tags.items()), None)

    def _register(
        self,
        manifest: Manifest,
        files: Mapping[str, bytes],
        result: TrainingResult,
        model: ModelFile,
        key: Ed25519PrivateKey,
    ) -> RegisteredVersion:
        scratch = self._settings.data / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch) as made:
            folder = Path(made) / model.name
            fingerprint = write_artifact(folder, manifest, files, key)
            # First, as a version whose hold-out is missing could not be judged.
            hold_out = self._settings.runs / fingerprint
            write_hold_out(hold_out_of(result, has_ids=model.data.row_id is not None), hold_out)
            try:
                version = self._registry.register(folder)
            except BaseException:
                shutil.rmtree(hold_out, ignore_errors=True)
                raise
        return self._registry.version(model.name, version.version)


def places_of(settings: Settings) -> Places:
    """Where the parts that read rows find things."""
    return Places(data=settings.data, files=settings.files, brokers=settings.brokers, cassandra=settings)


def signing_key(settings: Settings) -> Ed25519PrivateKey:
    """The private key; where the settings name none, a pair is made at the first training.

    Raises:
        ConfigurationError: it can't be read or made.
    """
    path = settings.signing_key_file
    if settings.signing_key is None:
        ensure_key_pair(path, settings.public_keys_file)
    return read_signing_key(path)


def manifest_of(model: ModelFile, facts: ReportFacts, result: TrainingResult, judged: Judged) -> Manifest:
    """The manifest, but for the files' hashes, which are known when they are written."""
    chosen = next(each for each in result.candidates if each.name == result.chosen)
    return Manifest(
        name=model.name,
        about=model.about,
        task=model.task,
        created=facts.created,
        inputs=result.rows.inputs,
        label=model.data.label,
        files={},
        data_sha256=facts.data_sha256,
        data_rows=facts.data_rows,
        code=facts.code,
        libraries=dict(facts.libraries),
        seed=model.validation.seed,
        algorithm=chosen.algorithm,
        content_sha256=facts.content_sha256,
        positive=None if model.data.positive is None else str(model.data.positive),
        threshold=result.threshold,
        calibration=result.calibration,
        params=dict(chosen.params),
        metrics=judged.metrics,
        typical=dict(judged.typical),
        reference=dict(judged.reference),
        caveats=judged.caveats,
    )


def _frozen(model: ModelFile, places: Places, progress: Progress) -> Snapshot:
    progress.start(0, "rows")

    def on_rows(rows: int) -> None:
        progress.advance(f"{rows:,} rows", None)

    return freeze(model.data, places, on_rows)


def _known_by(held: TrainingRows, model: ModelFile, snapshot: Snapshot) -> HeldRows:
    return held_rows(held, model.data.label, snapshot.sha256, has_ids=model.data.row_id is not None)


def _told(progress: Progress, what: str, work: Callable[[], T]) -> T:
    progress.start(1, what)
    done = work()
    progress.advance("", None)
    return done


def _export(result: TrainingResult, model: ModelFile) -> ExportedModel:
    chosen = next(each for each in result.candidates if each.name == result.chosen)
    return export_model(
        result.fitted,
        result.rows.inputs,
        result.rows.frame,
        task=model.task,
        algorithm=chosen.algorithm,
        threshold=result.threshold,
    )


def _short(key: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(dict(key), sort_keys=True).encode()).hexdigest()[:16]


def _in_a_line(finding: Finding) -> str:
    return f"{finding.feature}: {finding.message}" if finding.feature else finding.message


def _in_words(snapshot: Snapshot) -> str:
    source = "; ".join(f"{name}: {value}" for name, value in snapshot.about.source.items())
    made_of = f" (of {', '.join(parent[:12] for parent in snapshot.about.parents)})" if snapshot.about.parents else ""
    return f"{source}{made_of}"
