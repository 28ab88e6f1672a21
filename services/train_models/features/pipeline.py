"""Builds the steps between raw columns and the algorithm: one object, fitted and served as a whole."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from headrace.errors import ConfigurationError
from headrace.models.inputs import Input
from headrace.models.steps.bounds import Bounds
from headrace.models.steps.date_parts import DateParts
from headrace.models.steps.logarithm import Logarithm
from headrace.models.steps.ratio import Ratio
from headrace.models.steps.rotation import Rotation
from headrace.models.steps.rounding import Rounding
from train_models.features.feature_spec import Features

FEATURES = "features"
ALGORITHM = "algorithm"
_USUAL_PARTS = ("month", "day", "weekday", "hour", "days")

Branch = tuple[str, Any, Any]


def build_pipeline(spec: Features, inputs: Sequence[Input], estimator: Any, *, needs_scaling: bool) -> Pipeline:
    """An unfitted pipeline from a frame of `inputs` (see `TrainingRows.frame`) to predictions.

    Its steps are called `FEATURES` and `ALGORITHM`.

    Args:
        needs_scaling: whether the algorithm minds the size of numbers; `spec.scale` overrules it.

    Raises:
        ConfigurationError: the features don't fit the inputs.
    """
    return Pipeline([(FEATURES, build_features(spec, inputs, needs_scaling=needs_scaling)), (ALGORITHM, estimator)])


def build_features(spec: Features, inputs: Sequence[Input], *, needs_scaling: bool) -> Any:
    """The unfitted steps alone: a frame in, float64 (rows, features) without missing values out.

    Raises:
        ConfigurationError: the features don't fit the inputs.
    """
    if problems := spec.problems({field.name: field.kind for field in inputs}):
        raise ConfigurationError("; ".join(problems))
    used = [field for field in inputs if field.name not in spec.drop]
    scale = needs_scaling if spec.scale is None else spec.scale
    if spec.pca is None:
        return _side_by_side(_branches(spec, used, scale))
    if not spec.pca.columns:
        return _components(spec.pca.keep, _branches(spec, used, scale=True))
    replaced = [field for field in used if field.name in spec.pca.columns]
    others = [field for field in used if field.name not in spec.pca.columns]
    components = _components(spec.pca.keep, _branches(spec, replaced, scale=True, derived=False))
    columns = [field.name for field in replaced]
    return _side_by_side([("components", components, columns), *_branches(spec, others, scale, among=used)])


def _side_by_side(branches: Iterable[Branch]) -> ColumnTransformer:
    # sparse_threshold=0: always dense, as the algorithms and ONNX take them.
    return ColumnTransformer(list(branches), sparse_threshold=0, verbose_feature_names_out=False)


def _components(keep: float, branches: Iterable[Branch]) -> Pipeline:
    components = PCA(n_components=keep if keep < 1 else int(keep), svd_solver="full")
    return Pipeline([("scaled", _side_by_side(branches)), ("components", components), ("rounding", Rounding())])


def _branches(
    spec: Features, fields: Sequence[Input], scale: bool, *, derived: bool = True, among: Sequence[Input] = ()
) -> Iterator[Branch]:
    """A transformer and its columns per kind of input.

    Args:
        derived: whether new numbers (ratios, rotations) are made.
        among: inputs from which they may be made; `fields` where not given.
    """
    numbers = [field.name for field in fields if field.kind == "number"]
    if plain := [name for name in numbers if name not in spec.log]:
        yield "numbers", _numeric(scale), plain
    if logs := [name for name in numbers if name in spec.log]:
        yield "logs", _numeric(scale, Logarithm()), logs
    if booleans := [field.name for field in fields if field.kind == "boolean"]:
        yield (
            "booleans",
            SimpleImputer(strategy="most_frequent", add_indicator=True, keep_empty_features=True),
            booleans,
        )
    yield from _category_branches(spec, fields, scale)
    # Numbered, as scikit-learn allows no "__" in a name.
    for at, field in enumerate(fields):
        if field.kind == "time":
            parts = DateParts(tuple(spec.dates.get(field.name, _USUAL_PARTS)))
            yield f"time_{at}", _numeric(scale, parts), [field.name]
        elif field.kind == "text":
            words = HashingVectorizer(n_features=spec.hash_text, alternate_sign=False, ngram_range=(1, 2))
            yield f"text_{at}", words, field.name
    if derived:
        yield from _derived_branches(spec, {field.name for field in among or fields}, scale)


def _category_branches(spec: Features, fields: Sequence[Input], scale: bool) -> Iterator[Branch]:
    categories = [field.name for field in fields if field.kind == "category"]
    if nominal := [name for name in categories if name not in spec.ordinal]:
        one_hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=spec.rare, sparse_output=False)
        yield "categories", one_hot, nominal
    if ordered := [name for name in categories if name in spec.ordinal]:
        levels = [list(spec.ordinal[name]) for name in ordered]
        encoder = OrdinalEncoder(categories=levels, handle_unknown="use_encoded_value", unknown_value=-1)
        yield "ordinals", Pipeline([("levels", encoder), *_scaler(scale)]) if scale else encoder, ordered


def _derived_branches(spec: Features, there: set[str], scale: bool) -> Iterator[Branch]:
    for at, ratio in enumerate(spec.ratios):
        if {ratio.of, ratio.by} <= there:
            yield f"ratio_{at}", _numeric(scale, Ratio(ratio.title, ratio.plus)), [ratio.of, ratio.by]
    for at, rotation in enumerate(spec.rotations):
        if set(rotation.columns) <= there:
            yield f"rotation_{at}", _numeric(scale, Rotation(tuple(rotation.degrees))), list(rotation.columns)


def _numeric(scale: bool, *first: Any) -> Any:
    steps: list[tuple[str, Any]] = [(type(step).__name__.lower(), step) for step in (*first, Bounds())]
    steps.append(("imputer", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)))
    return Pipeline([*steps, *_scaler(scale)])


def _scaler(scale: bool) -> list[tuple[str, Any]]:
    return [("scaler", StandardScaler())] if scale else []
