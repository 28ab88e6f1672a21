"""What is answered about predictions and models, as typed dictionaries."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, JsonValue, with_config
from typing_extensions import TypedDict

from headrace.models.deployments import Deployment, OnlineVersion, RecommenderVersion
from headrace.models.records import Role, Value
from headrace.models.scorer import Reason
from serve_api.predictions.answered import Answered
from serve_api.predictions.served_version import ServedVersion
from serve_api.times import iso

_REASON: JsonValue = {"input": "contract", "value": "Month-to-month", "typical": "Two year", "effect": 0.31}
_PREDICTION: JsonValue = {
    "id": "019bd5c2-4e80-7b6e-9d3c-2f1a7c5d8e90",
    "model": "churn",
    "version": 3,
    "role": "champion",
    "probability": 0.72,
    "decision": True,
    "threshold": 0.41,
    "reasons": [_REASON],
}
_VERSION: JsonValue = {
    "role": "champion",
    "version": 3,
    "runs_in": "serve_api",
    "task": "classification",
    "algorithm": "lightgbm",
    "created": "2026-01-31T12:00:00.000000Z",
    "threshold": 0.41,
    "metrics": {"hold_out_roc_auc": 0.85},
    "data_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "data_rows": 7043,
    "code": "0.6.0",
    "content_sha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
}
_MODEL: JsonValue = {
    "model": "churn",
    "about": "Whether a customer leaves within the next month",
    "task": "classification",
    "versions": [_VERSION],
    "problems": {},
    "canary_share": 0.0,
    "updated": "2026-01-31T12:00:00.000000Z",
}
_DETAIL: JsonValue = {
    "model": _MODEL,
    "input_schema": {"type": "object", "properties": {"contract": {"type": "string"}}, "required": ["contract"]},
    "card": "# churn",
}


def _example(example: JsonValue) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


@with_config(_example(_REASON))
class ReasonRow(TypedDict):
    """What one input did to a score; effects of several don't add up to it."""

    input: str
    value: Value
    typical: Annotated[Value, Field(description="The input's value in training against which the effect is measured")]
    effect: Annotated[float, Field(description="Score less the score with the typical value in this one's place")]


@with_config(_example(_PREDICTION))
class PredictionRow(TypedDict):
    """A prediction of one row; it is in Kafka."""

    id: Annotated[str, Field(description="By which its outcome is sent later")]
    model: str
    version: int
    role: Annotated[Role, Field(description="champion, or canary for its share of the ids")]
    probability: NotRequired[Annotated[float, Field(description="Of the positive class; of a classification")]]
    value: NotRequired[Annotated[float, Field(description="In the label's unit; of a regression")]]
    decision: NotRequired[Annotated[bool, Field(description="Whether the probability reaches the threshold")]]
    threshold: NotRequired[float]
    reasons: NotRequired[Annotated[list[ReasonRow], Field(description="Where asked for; the greatest effect first")]]


@with_config(_example({"predictions": [_PREDICTION]}))
class PredictionList(TypedDict):
    """Predictions of many rows, in their order."""

    predictions: list[PredictionRow]


@with_config(_example(_VERSION))
class VersionRow(TypedDict):
    """A version that runs."""

    role: Role
    version: int
    runs_in: Annotated[
        Literal["serve_api", "process_predictions"],
        Field(description="process_predictions for an online model, which answers no requests"),
    ]
    task: str
    algorithm: str
    created: str
    threshold: float | None
    metrics: dict[str, float]
    data_sha256: Annotated[str, Field(description="Of the rows that it was trained on")]
    data_rows: int
    code: str
    content_sha256: Annotated[str, Field(description="The same for the same rows, model file, seed and libraries")]


@with_config(_example(_MODEL))
class ModelRow(TypedDict):
    """A model of which a version was promoted."""

    model: str
    about: str
    task: str | None
    versions: Annotated[list[VersionRow], Field(description="Those that run here, and those of an online model")]
    problems: Annotated[dict[str, str], Field(description="Role → why the promoted version doesn't run")]
    canary_share: float
    updated: Annotated[str, Field(description="When it was promoted last")]


@with_config(_example({"items": [_MODEL]}))
class ModelList(TypedDict):
    """All models, by name."""

    items: list[ModelRow]


@with_config(_example(_DETAIL))
class ModelDetail(TypedDict):
    """A model with what its rows have to be."""

    model: ModelRow
    input_schema: Annotated[
        dict[str, Any] | None, Field(description="JSON schema of a row; null while none runs, and of a recommender")
    ]
    card: Annotated[str, Field(description="The champion's model card, Markdown")]


@with_config(_example({"accepted": 1}))
class OutcomesTaken(TypedDict):
    """Outcomes that are in Kafka."""

    accepted: int


def prediction_row(answered: Answered) -> PredictionRow:
    """As it is answered."""
    made = answered.made
    row: PredictionRow = {"id": made.id, "model": made.model, "version": made.version, "role": made.role}
    if made.decision is None or made.threshold is None:
        row["value"] = made.score
    else:
        row["probability"] = made.score
        row["decision"] = made.decision
        row["threshold"] = made.threshold
    if answered.reasons is not None:
        row["reasons"] = [_reason_row(reason) for reason in answered.reasons]
    return row


def answer(answered: Sequence[Answered], is_many: bool) -> PredictionRow | PredictionList:
    """One prediction, or a list where the body held one."""
    if is_many:
        return {"predictions": [prediction_row(one) for one in answered]}
    return prediction_row(answered[0])


def model_row(deployment: Deployment[ServedVersion]) -> ModelRow:
    """A model as lists show it."""
    champion = deployment.shown("champion")
    here = [_version_row(role, version) for role, version in deployment.versions.items()]
    here += [_version_row(role, version) for role, version in deployment.recommenders.items()]
    return {
        "model": deployment.promotion.name,
        "about": "" if champion is None else champion.manifest.about,
        "task": None if champion is None else champion.manifest.task,
        "versions": [*here, *(_version_row(role, version) for role, version in deployment.online.items())],
        "problems": {role: problem for role, problem in deployment.problems.items()},
        "canary_share": deployment.promotion.canary_share,
        "updated": iso(deployment.promotion.updated),
    }


def model_detail(deployment: Deployment[ServedVersion]) -> ModelDetail:
    """A model with its schema and card."""
    champion = deployment.versions.get("champion")
    shown = deployment.shown("champion")
    return {
        "model": model_row(deployment),
        "input_schema": None if champion is None else champion.rows.json_schema(),
        "card": "" if shown is None else shown.card,
    }


def _version_row(role: Role, version: ServedVersion | OnlineVersion | RecommenderVersion) -> VersionRow:
    manifest = version.manifest
    return {
        "role": role,
        "version": version.number,
        "runs_in": "process_predictions" if isinstance(version, OnlineVersion) else "serve_api",
        "task": manifest.task,
        "algorithm": manifest.algorithm,
        "created": iso(manifest.created),
        "threshold": manifest.threshold,
        "metrics": manifest.metrics,
        "data_sha256": manifest.data_sha256,
        "data_rows": manifest.data_rows,
        "code": manifest.code,
        "content_sha256": manifest.content_sha256,
    }


def _reason_row(reason: Reason) -> ReasonRow:
    return {"input": reason.input, "value": reason.value, "typical": reason.typical, "effect": reason.effect}
