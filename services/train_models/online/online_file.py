"""Finds a model's file where it is one of an online model."""

from pathlib import Path

from headrace.errors import ConfigurationError
from headrace.models.model_folder import read_model_file
from headrace.models.online import TASK, OnlineModel, Variant, load_online_models


def find_online_model(name: str, folder: Path) -> OnlineModel | None:
    """The model of `folder/NAME.yaml`, or None where that is missing or its model is trained on rows.

    What is about a forecast has the forecast's periods, as process_predictions runs it.

    Raises:
        ConfigurationError: it, or another file of an online model, is wrong.
    """
    path = folder / f"{name}.yaml"
    if not path.is_file() or read_model_file(path).get("task") != TASK:
        return None
    models = {model.name: model for model in load_online_models(folder)}
    model = models[name]
    if model.forecast is None:
        return model
    forecast = models[model.forecast.split("/")[0]]
    periods = {"period_s": forecast.period_s, "window_s": forecast.window_s, "season": forecast.season}
    return model.model_copy(update=periods)


def variant_of(model: OnlineModel, version: int) -> Variant:
    """The variant with this number.

    Raises:
        ConfigurationError: the file has none, so that process_predictions has none either.
    """
    for variant in model.variants:
        if variant.version == version:
            return variant
    known = ", ".join(str(variant.version) for variant in model.variants)
    raise ConfigurationError(
        f"{model.name}.yaml has no variant with version {version}, so process_predictions doesn't run it; "
        f"it has {known}"
    )
