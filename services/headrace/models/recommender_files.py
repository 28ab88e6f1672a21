"""A recommender as files of an artifact: `recommender.json`, and arrays as plain numbers of a stated shape.

An array is its numbers and nothing else, little-endian, so there is nothing in it that could be run or unpacked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.interactions.limits import MAX_ITEM
from headrace.models.manifest import RECOMMENDER_FILE
from headrace.recommend.batch_model import BatchModel, ItemFactors, ItemScores

COLUMNS_FILE, SCORES_FILE, FACTORS_FILE = "columns.array", "scores.array", "factors.array"
MAX_ITEMS = 1_000_000
MAX_WIDTH = 1_024
MAX_NUMBERS = 50_000_000
"""Of one array, 200 MB: a server holds the old and the new version at once."""
_INTEGERS, _FLOATS = np.dtype("<i4"), np.dtype("<f4")
_NAMES: dict[str, tuple[str, ...]] = {"item_scores": (COLUMNS_FILE, SCORES_FILE), "item_factors": (FACTORS_FILE,)}


class WrongFiles(ValueError):
    """The files are no recommender; says why."""


@dataclass(frozen=True)
class SiteModel:
    """A recommender and what it is for.

    Attributes:
        site: whose items and people it is about.
        fitted_until: microseconds UTC: what was done from then on it has not seen.
        model: its version is 0 until `numbered`.
    """

    site: str
    fitted_until: int
    model: BatchModel

    def numbered(self, version: int) -> "SiteModel":
        """The same with its version's number in the registry."""
        return replace(self, model=replace(self.model, version=version))


class _About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`recommender.json`; `width` is the arrays' second length."""

    site: str
    form: Literal["item_scores", "item_factors"]
    fitted_until: int
    items: tuple[str, ...]
    width: int
    alpha: float = 0.0
    regularization: float = 0.0


def recommender_files(found: SiteModel) -> dict[str, bytes]:
    """File name → content; the same model gives the same bytes."""
    model = found.model
    if isinstance(model, ItemScores):
        width = model.columns.shape[1]
        about = _About(found.site, "item_scores", found.fitted_until, model.items, width)
        arrays = {COLUMNS_FILE: model.columns.astype(_INTEGERS), SCORES_FILE: model.scores.astype(_FLOATS)}
    else:
        width, numbers = model.factors.shape[1], (model.alpha, model.regularization)
        about = _About(found.site, "item_factors", found.fitted_until, model.items, width, *numbers)
        arrays = {FACTORS_FILE: model.factors.astype(_FLOATS)}
    return {RECOMMENDER_FILE: msgspec.json.encode(about), **{name: array.tobytes() for name, array in arrays.items()}}


def read_recommender(files: Mapping[str, bytes]) -> SiteModel:
    """The recommender among an artifact's files, whose hashes were compared before.

    Raises:
        WrongFiles: a file is missing, an array has another size than it must have, or holds what no model holds.
    """
    about = _about(files)
    for name in _NAMES[about.form]:
        if name not in files:
            raise WrongFiles(f"a recommender of {about.form} needs {name}, and the artifact has none")
    shape = (len(about.items), about.width)
    if about.form == "item_scores":
        columns = _array(files, COLUMNS_FILE, _INTEGERS, shape).astype(np.int32, copy=False)
        if columns.size and not (int(columns.min()) >= -1 and int(columns.max()) < len(about.items)):
            raise WrongFiles(f"{COLUMNS_FILE} names items beyond the {len(about.items)} of {RECOMMENDER_FILE}")
        scores = _finite(files, SCORES_FILE, shape)
        return SiteModel(about.site, about.fitted_until, ItemScores(0, about.items, columns, scores))
    # Of a person's factors a system of equations is solved that has no answer without it.
    if not (isfinite(about.alpha) and about.alpha >= 0 and isfinite(about.regularization) and about.regularization > 0):
        raise WrongFiles(f"{RECOMMENDER_FILE}: alpha must be 0 or more, and regularization above 0")
    factors = _finite(files, FACTORS_FILE, shape)
    model = ItemFactors(0, about.items, factors, about.alpha, about.regularization)
    return SiteModel(about.site, about.fitted_until, model)


def _about(files: Mapping[str, bytes]) -> _About:
    if RECOMMENDER_FILE not in files:
        raise WrongFiles(f"the artifact is of a recommender and has no {RECOMMENDER_FILE}")
    try:
        about = msgspec.json.decode(files[RECOMMENDER_FILE], type=_About)
    except msgspec.MsgspecError as error:
        raise WrongFiles(f"{RECOMMENDER_FILE} is none that this version reads: {error}") from error
    items, width = len(about.items), about.width
    if not 1 <= items <= MAX_ITEMS or not 1 <= width <= MAX_WIDTH or items * width > MAX_NUMBERS:
        raise WrongFiles(
            f"{RECOMMENDER_FILE}: {items:,} items with {width:,} numbers each; at least 1 of both, at most "
            f"{MAX_ITEMS:,} items, {MAX_WIDTH:,} numbers each and {MAX_NUMBERS:,} in all"
        )
    if not about.site or len(set(about.items)) < items or not all(0 < len(item) <= MAX_ITEM for item in about.items):
        raise WrongFiles(f"{RECOMMENDER_FILE}: it names no site, an item twice, or one that no item is called")
    return about


def _array(files: Mapping[str, bytes], name: str, kind: np.dtype[Any], shape: tuple[int, int]) -> NDArray[Any]:
    content, wanted = files[name], shape[0] * shape[1] * kind.itemsize
    if len(content) != wanted:
        raise WrongFiles(
            f"{name} has {len(content):,} bytes, and {shape[0]:,} items with {shape[1]:,} numbers each take {wanted:,}"
        )
    return np.frombuffer(content, kind).reshape(shape)


def _finite(files: Mapping[str, bytes], name: str, shape: tuple[int, int]) -> NDArray[np.float32]:
    found = _array(files, name, _FLOATS, shape).astype(np.float32, copy=False)
    if not np.isfinite(found).all():
        raise WrongFiles(f"{name} holds what is no finite number")
    return found
