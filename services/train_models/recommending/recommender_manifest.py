"""What a trained recommender is in the registry."""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version as version_of

from headrace.models.manifest import RECOMMENDATION, Manifest
from headrace.models.recommender_files import SiteModel, recommender_files
from headrace.models.records import Value
from headrace.recommend.batch_model import ItemScores
from train_models.data.snapshots import Snapshot
from train_models.provenance import code, libraries
from train_models.recommending.comparison import Comparison
from train_models.recommending.ranking_metrics import estimates
from train_models.recommending.recommender_file import RecommenderFile

LABEL = "item"
HOLD_OUT = "hold_out_"


def content_sha256(files: Mapping[str, bytes]) -> str:
    """Of the model's files: the same interactions, file, seed and libraries give the same."""
    hashed = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()


def files_of(model: RecommenderFile, found: Comparison) -> dict[str, bytes]:
    """What is served, as files of an artifact."""
    return recommender_files(SiteModel(model.site, found.fitted_until, found.model))


def manifest_of(
    model: RecommenderFile, found: Comparison, snapshot: Snapshot, files: Mapping[str, bytes], created: int
) -> Manifest:
    """The manifest, but for the files' hashes.

    Args:
        files: of `files_of`.
        created: microseconds UTC.
    """
    params: dict[str, Value] = {"candidate": found.chosen.name, "site": model.site, **found.chosen.params}
    kept = found.model.columns.shape[1] if isinstance(found.model, ItemScores) else found.model.factors.shape[1]
    params |= {"items": len(found.model.items), "numbers_an_item": kept}
    return Manifest(
        name=model.name,
        about=model.about,
        task=RECOMMENDATION,
        created=created,
        inputs=(),
        label=LABEL,
        files={},
        data_sha256=snapshot.sha256,
        data_rows=snapshot.rows,
        code=code(),
        libraries={**libraries(), "implicit": version_of("implicit")},
        seed=model.validation.seed,
        algorithm=found.chosen.algorithm,
        content_sha256=content_sha256(files),
        params=params,
        metrics=metrics_of(model, found),
        caveats=caveats_of(found),
    )


def metrics_of(model: RecommenderFile, found: Comparison) -> dict[str, float]:
    """`hold_out_<metric>` of the chosen one with its interval, and what it has to be compared with."""
    judged, people = found.chosen.judged, found.hold_out.people
    metrics = {f"{HOLD_OUT}coverage": judged.coverage, f"{HOLD_OUT}cases": float(len(found.hold_out))}
    if not len(found.hold_out):
        return metrics
    for name, figure in estimates(judged, people, model.validation.seed).items():
        metrics[f"{HOLD_OUT}{name}"] = figure.value
        metrics[f"{HOLD_OUT}{name}_low"], metrics[f"{HOLD_OUT}{name}_high"] = figure.low, figure.high
    return metrics


def caveats_of(found: Comparison) -> tuple[str, ...]:
    """What a reader must know before use."""
    cases, cold = len(found.hold_out), found.hold_out.cold
    unknown = int((found.hold_out.targets >= found.hold_out.known).sum())
    return (
        f"{cold:,} new items of persons of whom nothing was known are no cases: trending and content answer for those.",
        f"{unknown:,} of {cases:,} cases are of items that were new themselves, which no batch model can foretell.",
        "It was fitted on what came before the hold-out, and not on the hold-out.",
    )
