"""An online model as its file has it: what is predicted of each device's metric, and which pipelines learn to.

Such a model is all in its file: it has no rows to train on, and each series learns from its own first hours on.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from headrace.errors import ConfigurationError
from headrace.models.model_folder import ModelContent, explain, read_model_folder
from headrace.models.records import Value

TASK = "online"
MEAN_FEATURES = (
    "change_1",
    "change_2",
    "change_season",
    "level_season",
    "change_profile",
    "level_profile",
    "sin",
    "cos",
)
UNUSUAL_FEATURES = ("tail", "recent_errors", "slot_errors", "recent_share")
SPEC_PARAM = "spec"
"""Parameter of a manifest of the algorithm `river`: the variant as JSON."""

Pipeline = Literal["sgd_linear", "bayesian_linear", "sgd_logistic"]
Metric = Literal["mae", "rmse", "log_loss", "brier"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Variant(_Spec):
    """One pipeline that learns; of a model's variants one is the champion, and all go on learning.

    Attributes:
        version: its number in the registry, used once: a variant that is changed takes the next.
        features: of `MEAN_FEATURES` or `UNUSUAL_FEATURES`.
        learning_rate: of gradient descent.
        intercept_rate: of gradient descent, for the intercept.
        forgetting: share of its weight that an outcome keeps with each later one, of `bayesian_linear`.
    """

    name: Name
    version: int = Field(ge=1)
    pipeline: Pipeline
    features: tuple[str, ...] = Field(min_length=1, max_length=8)
    learning_rate: float = Field(0.002, gt=0, le=1)
    intercept_rate: float = Field(0.001, ge=0, le=1)
    forgetting: float = Field(0.999, gt=0.5, lt=1)


class OnlineModel(_Spec):
    """What an online model's file says.

    `mean` is a period's mean of a metric. `unusual` is the probability that it will be further from what a variant of
    another model forecasts than all but a share of its periods are.

    Attributes:
        period_s: seconds of a period, which begins at a multiple of it since 1970-01-01 UTC.
        window_s: width of the windows that periods are added up from.
        season: periods after which things come again, such as 24 hours.
        forecast: `MODEL/VARIANT` that `unusual` is about; period, window and season are that model's.
        share: of the periods that count as unusual.
        metric: by which a variant is compared with the champion; `mae` or `log_loss` unless given.
        alpha: significance of that comparison.
    """

    name: Name
    task: Literal["online"]
    about: str = ""
    predicts: Literal["mean", "unusual"]
    period_s: int = Field(3_600, ge=60, le=86_400)
    window_s: int = Field(60, ge=1)
    season: int = Field(24, ge=2, le=48)
    forecast: str | None = None
    share: float = Field(0.02, gt=0, le=0.25)
    metric: Metric | None = None
    alpha: float = Field(0.05, gt=0, lt=1)
    variants: tuple[Variant, ...] = Field(min_length=1, max_length=4)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.period_s % self.window_s:
            raise ValueError(f"period_s: {self.period_s} is no multiple of window_s, {self.window_s}")
        is_mean = self.predicts == "mean"
        if is_mean == (self.forecast is not None):
            raise ValueError(
                "forecast: a model of `unusual` needs one, `MODEL/VARIANT`, and a model of `mean` has none"
            )
        if self.metric is not None and (self.metric in ("mae", "rmse")) != is_mean:
            raise ValueError(f"metric: `{self.predicts}` isn't judged by {self.metric}")
        for what, values in (
            ("name", [v.name for v in self.variants]),
            ("version", [v.version for v in self.variants]),
        ):
            if len(set(values)) < len(values):
                raise ValueError(f"variants: two have the same {what}")
        known = MEAN_FEATURES if is_mean else UNUSUAL_FEATURES
        for variant in self.variants:
            if (variant.pipeline == "sgd_logistic") == is_mean:
                raise ValueError(f"variants.{variant.name}: {variant.pipeline} doesn't predict `{self.predicts}`")
            if strangers := sorted(set(variant.features) - set(known)):
                raise ValueError(
                    f"variants.{variant.name}.features: {', '.join(strangers)} not known; known are {', '.join(known)}"
                )
        return self

    def history_signature(self) -> bytes:
        """Eight bytes that differ where what is kept of a series would mean something else."""
        return _digest([self.period_s, self.window_s, self.season])

    def spread_signature(self) -> bytes:
        """As `history_signature`, of what a model of `unusual` keeps besides its variants."""
        return _digest(["spread", self.name, self.forecast, self.share])

    def variant_signature(self, variant: Variant) -> bytes:
        """As `history_signature`, of a variant: it begins anew where this changes."""
        return _digest([self.name, self.forecast, self.share, variant.model_dump()])


def variant_params(model: OnlineModel, variant: Variant) -> dict[str, Value]:
    """The parameters of a manifest that stands for a variant in the registry: no code and no weights."""
    content = {**model.model_dump(mode="json"), "variants": [variant.model_dump(mode="json")]}
    return {SPEC_PARAM: json.dumps(content, sort_keys=True)}


def online_model(name: str, content: ModelContent) -> OnlineModel:
    """The model of a file's content.

    Raises:
        ConfigurationError: it is wrong; says which field and why.
    """
    try:
        return OnlineModel.model_validate({**content, "name": name})
    except ValidationError as error:
        raise ConfigurationError(f"{name}.yaml: {explain(error)}") from error


def load_online_models(folder: Path) -> tuple[OnlineModel, ...]:
    """The online models among the files of a folder, each forecast before what is about it.

    Raises:
        ConfigurationError: a file is wrong, or a forecast that one names is not there.
    """
    files: Mapping[str, ModelContent] = read_model_folder(folder)
    models = [online_model(name, content) for name, content in files.items() if content.get("task") == TASK]
    for model in models:
        if model.forecast is not None and not _is_there(model.forecast, models):
            raise ConfigurationError(f"{model.name}.yaml: forecast: there is no {model.forecast} of `mean`")
    return tuple(sorted(models, key=lambda model: model.forecast is not None))


def _is_there(forecast: str, models: Iterable[OnlineModel]) -> bool:
    return any(
        forecast == f"{model.name}/{variant.name}"
        for model in models
        if model.predicts == "mean"
        for variant in model.variants
    )


def _digest(content: object) -> bytes:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()[:8]
