"""The algorithms by name: what makes them for each task, their parameters with defaults, and where these are searched.

All have a fixed seed and the threads of the model file. A penalty's parameter means the same for both tasks: the
`ridge`, `lasso` and `elastic_net` of a classification are logistic regressions with that penalty.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import SVC, SVR

from headrace.errors import ConfigurationError
from headrace.models.manifest import Task
from headrace.models.records import Value
from train_models.choice.choice_spec import Algorithm, Range

Params = Mapping[str, Value]
Space = Mapping[str, list[Any] | Range]

_PLATT_FOLDS = 3


@dataclass(frozen=True)
class How:
    """With what an estimator is made beside its parameters."""

    task: Task
    seed: int
    threads: int
    balanced: bool = False

    @property
    def class_weight(self) -> dict[str, Any]:
        return {"class_weight": "balanced"} if self.balanced else {}


@dataclass(frozen=True)
class Kind:
    """One algorithm.

    Attributes:
        defaults: of all parameters that a model file may set.
        space: of the search `default`.
        has_seed: whether another seed gives another fit.
    """

    make: Callable[[How, dict[str, Any]], Any]
    defaults: Params
    space: Space
    needs_scaling: bool = False
    takes_weights: bool = True
    has_seed: bool = False
    tasks: tuple[Task, ...] = ("classification", "regression")


def make(algorithm: Algorithm, params: Params, how: How) -> Any:
    """An unfitted scikit-learn estimator.

    Raises:
        ConfigurationError: a parameter isn't known, or the algorithm isn't for this task or takes no class weights.
    """
    kind = KINDS[algorithm]
    check_params(algorithm, params)
    if how.task not in kind.tasks:
        raise ConfigurationError(f"{algorithm} is not for a {how.task}; use linear, ridge, lasso or elastic_net")
    if how.balanced and not kind.takes_weights:
        raise ConfigurationError(f"imbalance: {algorithm} takes no class weights; leave them out, or use resampling")
    return kind.make(how, {**kind.defaults, **params})


def check_params(algorithm: Algorithm, names: Mapping[str, Any]) -> None:
    """Raises ConfigurationError, with the names that are known, where one isn't."""
    known = KINDS[algorithm].defaults
    if strangers := sorted(set(names) - set(known)):
        listed = ", ".join(sorted(known)) or "none"
        raise ConfigurationError(f"{algorithm}: {', '.join(strangers)} is no parameter of it; known are: {listed}")


def _linear(how: How, params: dict[str, Any]) -> Any:
    return LinearRegression(**params) if how.task == "regression" else _logit(how, C=np.inf, **params)


def _logistic(how: How, params: dict[str, Any]) -> Any:
    return _logit(how, **params)


def _logit(how: How, solver: str = "lbfgs", **params: Any) -> Any:
    return LogisticRegression(solver=solver, max_iter=5_000, random_state=how.seed, **how.class_weight, **params)


def _ridge(how: How, params: dict[str, Any]) -> Any:
    if how.task == "regression":
        return Ridge(random_state=how.seed, **params)
    return _logit(how, C=1 / params["alpha"])


def _lasso(how: How, params: dict[str, Any]) -> Any:
    if how.task == "regression":
        return Lasso(max_iter=20_000, **params)
    return _logit(how, solver="liblinear", C=1 / params["alpha"], l1_ratio=1.0)


def _elastic_net(how: How, params: dict[str, Any]) -> Any:
    if how.task == "regression":
        return ElasticNet(max_iter=20_000, **params)
    return _logit(how, solver="saga", C=1 / params["alpha"], l1_ratio=params["l1_ratio"])


def _forest(how: How, params: dict[str, Any]) -> Any:
    is_regression = how.task == "regression"
    made = RandomForestRegressor if is_regression else partial(RandomForestClassifier, **how.class_weight)
    features = params.pop("max_features") or (1.0 if is_regression else "sqrt")
    return made(n_jobs=how.threads, random_state=how.seed, max_features=features, **params)


def _hist_boosting(how: How, params: dict[str, Any]) -> Any:
    classifier = partial(HistGradientBoostingClassifier, **how.class_weight)
    made = HistGradientBoostingRegressor if how.task == "regression" else classifier
    return made(random_state=how.seed, early_stopping=False, **params)


def _lightgbm(how: How, params: dict[str, Any]) -> Any:
    made = LGBMRegressor if how.task == "regression" else partial(LGBMClassifier, **how.class_weight)
    fixed: dict[str, Any] = {"deterministic": True, "force_row_wise": True, "verbosity": -1, "subsample_freq": 1}
    return made(n_jobs=how.threads, random_state=how.seed, **fixed, **params)


def _svm(how: How, params: dict[str, Any]) -> Any:
    epsilon = params.pop("epsilon")
    if how.task == "regression":
        return SVR(epsilon=epsilon, **params)
    # Platt's sigmoid on cross-validated decision values; SVC's own `probability` is deprecated.
    machine = SVC(random_state=how.seed, **how.class_weight, **params)
    return CalibratedClassifierCV(machine, ensemble=False, cv=_PLATT_FOLDS)


def _knn(how: How, params: dict[str, Any]) -> Any:
    made = KNeighborsRegressor if how.task == "regression" else KNeighborsClassifier
    return made(n_jobs=how.threads, **params)


_PENALTY = Range(low=1e-4, high=100, log=True)

KINDS: Mapping[Algorithm, Kind] = {
    "linear": Kind(_linear, {"fit_intercept": True}, {}, needs_scaling=True),
    "ridge": Kind(_ridge, {"alpha": 1.0}, {"alpha": _PENALTY}, needs_scaling=True),
    "lasso": Kind(_lasso, {"alpha": 1.0}, {"alpha": _PENALTY}, needs_scaling=True),
    "elastic_net": Kind(
        _elastic_net,
        {"alpha": 1.0, "l1_ratio": 0.5},
        {"alpha": _PENALTY, "l1_ratio": Range(low=0.05, high=0.95)},
        needs_scaling=True,
    ),
    "logistic": Kind(
        _logistic,
        {"C": 1.0, "fit_intercept": True},
        {"C": Range(low=1e-3, high=100, log=True)},
        needs_scaling=True,
        tasks=("classification",),
    ),
    "random_forest": Kind(
        _forest,
        {"n_estimators": 300, "max_depth": None, "min_samples_leaf": 1, "min_samples_split": 2, "max_features": None},
        {
            "min_samples_leaf": Range(low=1, high=50, log=True, integer=True),
            "max_features": Range(low=0.1, high=1.0),
        },
        has_seed=True,
    ),
    "hist_boosting": Kind(
        _hist_boosting,
        {
            "learning_rate": 0.1,
            "max_iter": 200,
            "max_leaf_nodes": 31,
            "max_depth": None,
            "min_samples_leaf": 20,
            "l2_regularization": 0.0,
            "max_features": 1.0,
            "max_bins": 255,
        },
        {
            "learning_rate": Range(low=0.01, high=0.3, log=True),
            "max_iter": Range(low=50, high=500, log=True, integer=True),
            "max_leaf_nodes": Range(low=4, high=64, log=True, integer=True),
            "min_samples_leaf": Range(low=5, high=100, log=True, integer=True),
            "l2_regularization": Range(low=1e-3, high=10, log=True),
            "max_features": Range(low=0.3, high=1.0),
        },
        has_seed=True,
    ),
    "lightgbm": Kind(
        _lightgbm,
        {
            "n_estimators": 200,
            "learning_rate": 0.05,
            "num_leaves": 31,
            "max_depth": -1,
            "min_child_samples": 20,
            "min_child_weight": 1e-3,
            "min_split_gain": 0.0,
            "subsample": 1.0,
            "colsample_bytree": 1.0,
            "reg_alpha": 0.0,
            "reg_lambda": 0.0,
            "max_bin": 255,
            "path_smooth": 0.0,
            "extra_trees": False,
        },
        {
            "n_estimators": Range(low=50, high=800, log=True, integer=True),
            "learning_rate": Range(low=0.01, high=0.2, log=True),
            "num_leaves": Range(low=4, high=64, log=True, integer=True),
            "min_child_samples": Range(low=5, high=100, log=True, integer=True),
            "subsample": Range(low=0.5, high=1.0),
            "colsample_bytree": Range(low=0.3, high=1.0),
            "reg_lambda": Range(low=1e-3, high=10, log=True),
        },
        has_seed=True,
    ),
    # C and epsilon of a regression are in standard deviations of the target, see `fitting`.
    "svm": Kind(
        _svm,
        {"C": 1.0, "kernel": "rbf", "gamma": "scale", "degree": 3, "epsilon": 0.1},
        {"C": Range(low=0.01, high=100, log=True), "gamma": Range(low=1e-4, high=1, log=True)},
        needs_scaling=True,
    ),
    "knn": Kind(
        _knn,
        {"n_neighbors": 15, "p": 2, "weights": "uniform"},
        {"n_neighbors": Range(low=3, high=100, log=True, integer=True), "p": [1, 2]},
        needs_scaling=True,
        takes_weights=False,
    ),
}
