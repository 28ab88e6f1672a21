"""Looks through training rows for what makes a model look better than it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from headrace.errors import ConfigurationError
from headrace.models.inputs import MISSING_TEXT, Input
from headrace.models.manifest import Task
from train_models.data.cells import Array
from train_models.training_result import TrainingRows

ALONE = 0.98
"""ROC-AUC or R² above which one feature is thought to hold the answer; real ones of the sets here stay below 0.81."""
MOST_ROWS = 20_000
"""Rows of which the single features are tried."""
LEAST_ROWS = 50
"""Below that chance alone makes features perfect or all texts distinct."""
_LEAST_OF_A_CLASS = 10
_FOLDS = 5
_DEPTH = 4

_EXPECTED_TWICE = 20.0
"""Pairs of equal values that chance would make at least; without any, values are not drawn, but given out."""

Kind = Literal["predicts_alone", "duplicates", "constant", "id_like", "from_the_future", "too_few_rows"]


@dataclass(frozen=True)
class Finding:
    """Something in the rows.

    Attributes:
        severity: `refuse` ends the training unless the file accepts the feature; `warn` is shown.
        feature: the input; None where it is of whole rows.
    """

    kind: Kind
    severity: Literal["refuse", "warn"]
    feature: str | None
    message: str


def leak_scan(rows: TrainingRows, task: Task, seed: int = 0) -> tuple[Finding, ...]:
    """All findings, the same for the same rows and seed.

    A feature is tried alone, out of fold: a tree of depth 4 on a number, the other folds' mean target of its level on a
    category or text. A regression's target counts by its rank. What is too few to be looked at is a finding too.
    """
    sample = _sample(rows, seed)
    if task == "regression":
        # By ranks, as few far values would decide otherwise.
        sample = replace(sample, target=rankdata(sample.target))
    folds = _folds(sample, task, seed)
    found: list[Finding] = []
    for field in rows.inputs:
        values = rows.frame[field.name]
        checks = (
            _constant(field, values),
            _id_like(field, values, rows.groups),
            _from_the_future(field, values, rows.times),
            _predicts_alone(field, sample, task, folds),
        )
        found += [finding for finding in checks if finding is not None]
    found += [*_too_few(rows, task), *_duplicates(rows)]
    return tuple(found)


def refuse_leaks(findings: Iterable[Finding], accept: Mapping[str, str]) -> None:
    """Ends the training where something is found that the file doesn't accept.

    Args:
        accept: input → why it stays.

    Raises:
        ConfigurationError: names each feature, what is the matter, and how to accept it.
    """
    refused = [one for one in findings if one.severity == "refuse" and one.feature not in accept]
    if refused:
        first = refused[0].feature
        raise ConfigurationError(
            f"the leak scan refuses these data: {'; '.join(one.message for one in refused)}. Take such inputs out, or "
            f"say why one stays: data.accept: {{{first}: the reason}}"
        )


def _constant(field: Input, values: "pd.Series[float]") -> Finding | None:
    if values.nunique(dropna=False) > 1:
        return None
    return Finding("constant", "warn", field.name, f"{field.name!r} has the same value in all rows")


def _id_like(field: Input, values: "pd.Series[float]", groups: Array | None) -> Finding | None:
    """Of rows, or of groups where each has one value: an entity's id is the same at all of its cuts."""
    if field.kind in ("boolean", "time"):
        return None
    there = values[values.notna() if field.is_numeric else values != MISSING_TEXT]
    each = "each row"
    if groups is not None and (per_group := _once_a_group(there, groups)) is not None:
        there, each = per_group, "each row" if len(per_group) == len(there) else "each group"
    if len(there) < LEAST_ROWS:
        return None
    if field.kind == "number":
        return _id_like_number(field.name, there.to_numpy(), each)
    # Sentences differ from row to row, and are no ids.
    is_prose = field.kind == "text" and there.str.contains(" ", regex=False).mean() > 0.5
    if is_prose or not there.is_unique:
        return None
    return Finding("id_like", "refuse", field.name, f"{field.name!r} is another in {each}, as an id is")


def _once_a_group(values: "pd.Series[float]", groups: Array) -> "pd.Series[float] | None":
    """One value of each group, in the order of their first rows; None where a group has several."""
    pairs = pd.DataFrame({"value": values, "group": groups[values.index.to_numpy()]}).drop_duplicates()
    return None if pairs["group"].duplicated().any() else pairs["value"]


def _id_like_number(name: str, values: Array, each: str) -> Finding | None:
    """Whole numbers that rise or fall from row to row, or of which none comes twice where chance would have it so.

    Of n values drawn from w different ones the expected number of equal pairs is at least n(n - 1) / 2w, and none is
    found with a probability of at most exp of minus that. Fewer values of many may differ by chance: that is told.
    """
    if (values % 1 != 0).any():
        return None
    steps = np.diff(values)
    for is_so, what in (((steps > 0).all(), "rises"), ((steps < 0).all(), "falls")):
        if is_so:
            return Finding("id_like", "refuse", name, f"{name!r} {what} with the row's number, as an id does")
    if len(np.unique(values)) < len(values):
        return None
    width = float(values.max() - values.min()) + 1
    if len(values) * (len(values) - 1) / (2 * width) >= _EXPECTED_TWICE:
        return Finding("id_like", "refuse", name, f"{name!r} is another whole number in {each}, as an id is")
    return Finding(
        "id_like",
        "warn",
        name,
        f"{name!r} is another whole number in {each}: take it out if it is an id, not a quantity",
    )


def _too_few(rows: TrainingRows, task: Task) -> list[Finding]:
    """That the scan did not look, lest its silence be taken for an answer."""
    if len(rows) < LEAST_ROWS:
        message = f"{len(rows)} rows are too few to look for ids and for what predicts the label alone: {LEAST_ROWS} do"
        return [Finding("too_few_rows", "warn", None, message)]
    if task == "classification" and (least := min(np.bincount(rows.target, minlength=2))) < _LEAST_OF_A_CLASS:
        message = f"a class has {least} rows, too few to look for what predicts the label alone: {_LEAST_OF_A_CLASS} do"
        return [Finding("too_few_rows", "warn", None, message)]
    return []


def _from_the_future(field: Input, values: "pd.Series[float]", times: Array | None) -> Finding | None:
    if field.kind != "time" or times is None:
        return None
    later = int((values.to_numpy() > times).sum())
    if not later:
        return None
    return Finding(
        "from_the_future", "refuse", field.name, f"{field.name!r} is later than the row's own time in {later} rows"
    )


def _predicts_alone(field: Input, rows: TrainingRows, task: Task, folds: list[tuple[Array, Array]]) -> Finding | None:
    if not folds:
        return None
    scores = np.empty(len(rows))
    predict = _by_tree if field.is_numeric else _by_level
    values = rows.frame[field.name]
    for train, test in folds:
        scores[test] = predict(values, rows.target, train, test, task)
    found, name = _score(rows.target, scores, task)
    if found <= ALONE:
        return None
    return Finding(
        "predicts_alone",
        "refuse",
        field.name,
        f"{field.name!r} alone predicts the label ({name} {found:.3f} out of fold): it may be known only afterwards",
    )


def _score(target: Array, scores: Array, task: Task) -> tuple[float, str]:
    if task == "classification":
        return float(roc_auc_score(target, scores)), "ROC-AUC"
    return float(r2_score(target, scores)), "R² of ranks"


def _by_tree(values: "pd.Series[float]", target: Array, train: Array, test: Array, task: Task) -> Array:
    numbers = values.to_numpy().reshape(-1, 1)
    if task == "classification":
        tree = DecisionTreeClassifier(max_depth=_DEPTH, random_state=0).fit(numbers[train], target[train])
        return np.asarray(tree.predict_proba(numbers[test])[:, 1])
    # A number that is the label, on another scale, needs many leaves.
    tree = DecisionTreeRegressor(min_samples_leaf=5, random_state=0).fit(numbers[train], target[train])
    return np.asarray(tree.predict(numbers[test]))


def _by_level(values: "pd.Series[str]", target: Array, train: Array, test: Array, task: Task) -> Array:
    means = pd.Series(target[train], dtype=np.float64).groupby(values.to_numpy()[train]).mean()
    return np.asarray(values.iloc[test].map(means).fillna(target[train].mean()).to_numpy(dtype=np.float64))


def _folds(rows: TrainingRows, task: Task, seed: int) -> list[tuple[Array, Array]]:
    """None where there are too few rows to tell."""
    if len(rows) < LEAST_ROWS:
        return []
    if task == "regression":
        return list(KFold(_FOLDS, shuffle=True, random_state=seed).split(rows.frame))
    if min(np.bincount(rows.target, minlength=2)) < _LEAST_OF_A_CLASS:
        return []
    return list(StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(rows.frame, rows.target))


def _sample(rows: TrainingRows, seed: int) -> TrainingRows:
    if len(rows) <= MOST_ROWS:
        return rows
    chosen = np.random.default_rng(seed).choice(len(rows), MOST_ROWS, replace=False)
    return rows.take(np.sort(chosen))


def _duplicates(rows: TrainingRows) -> list[Finding]:
    """Rows that could be learned in one fold and asked in another; those of one group never are."""
    frame = rows.frame.set_axis(range(rows.frame.shape[1]), axis=1)
    groups = np.arange(len(rows)) if rows.groups is None else rows.groups
    inputs = pd.DataFrame({"key": _hashes(frame), "group": groups, "target": rows.target})
    whole = inputs.assign(key=_hashes(frame.assign(target=rows.target)))
    equal = whole.groupby("key", sort=False)["group"].agg(["size", "nunique"])
    equal_rows = int((equal["size"] - 1)[equal["nunique"] > 1].sum())
    labels = inputs.groupby("key", sort=False)[["group", "target"]].nunique()
    conflicting = int(((labels["group"] > 1) & (labels["target"] > 1)).sum())
    if not equal_rows and not conflicting:
        return []
    message = (
        f"{equal_rows} rows are exact duplicates of an earlier one, and may be on both sides of a split; "
        f"{conflicting} sets of rows with equal inputs have different labels"
    )
    hint = "; `drop_duplicates: true` keeps one of each" if equal_rows else ""
    return [Finding("duplicates", "warn", None, message + hint)]


def _hashes(frame: pd.DataFrame) -> Array:
    return np.asarray(pd.util.hash_pandas_object(frame, index=False).to_numpy())
