"""A recommender's model file: `deploy/models/NAME.yaml` of `task: recommendation`."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from headrace.errors import ConfigurationError
from headrace.models.manifest import RECOMMENDATION
from headrace.models.model_folder import ModelContent, explain, read_model_file, read_model_folder
from train_models.data.data_spec import Source
from train_models.retraining.retraining_spec import Retraining

Metric = Literal["hit_rate", "ndcg", "mrr", "coverage"]
NEEDED = ("subject", "item", "time")
"""Columns of the interactions that must be there, by these names or renamed to them."""


def _in_a_tuple(value: object) -> object:
    return value if isinstance(value, list | tuple) else (value,)


Numbers = Annotated[tuple[Annotated[float, Field(ge=0)], ...], BeforeValidator(_in_a_tuple), Field(min_length=1)]
Positive = Annotated[tuple[Annotated[float, Field(gt=0)], ...], BeforeValidator(_in_a_tuple), Field(min_length=1)]
Counts = Annotated[tuple[Annotated[int, Field(ge=1, le=1_000)], ...], BeforeValidator(_in_a_tuple), Field(min_length=1)]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Candidate(_Spec):
    """What all algorithms have.

    Attributes:
        name: the algorithm's where none is given.
        least: persons that an item needs to be in the model.
        items: most items of the model, those with the most persons.
        weighted: whether a person's strongest interaction with an item counts by `headrace.interactions.weights`, as
            log2(1 + weight), or each that is worth anything the same.
    """

    name: str = ""
    least: int = Field(2, ge=1)
    items: int = Field(50_000, ge=10)
    weighted: bool = False


class EaseCandidate(_Candidate):
    """EASE; it takes 8 bytes times the square of `items` of memory, 1.2 GB of the 12,000 here.

    Attributes:
        penalty: of the squared weights; the best of several is taken.
        neighbours: items that each item speaks for that are kept.
    """

    algorithm: Literal["ease"]
    least: int = Field(5, ge=1)
    items: int = Field(12_000, ge=10, le=40_000)
    penalty: Positive = (100.0, 300.0, 1_000.0)
    neighbours: int = Field(100, ge=1, le=1_000)


class AlsCandidate(_Candidate):
    """Implicit ALS of the library `implicit`; the best of all combinations is taken."""

    algorithm: Literal["als"]
    factors: Counts = (64,)
    regularization: Positive = (1.0, 10.0)
    alpha: Numbers = (5.0, 20.0)
    iterations: int = Field(15, ge=1, le=100)


class KnnCandidate(_Candidate):
    """Cosine of two items' persons, shrunk where they are few; the best of all combinations is taken."""

    algorithm: Literal["item_knn"]
    neighbours: Counts = (100,)
    shrinkage: Numbers = (0.0, 10.0, 50.0)


Candidate = Annotated[EaseCandidate | AlsCandidate | KnnCandidate, Field(discriminator="algorithm")]


class TimeSplit(_Spec):
    """How interactions are split by time: what comes first is learned, what comes next chooses, the newest judges.

    Attributes:
        hold_out: share of the interactions that judges; nothing is fitted on it.
        choice: share before it that chooses among parameters and candidates.
        cases: most interactions of each part that are ranked for, of persons drawn by the seed.
    """

    hold_out: float = Field(0.1, gt=0, lt=0.5)
    choice: float = Field(0.1, gt=0, lt=0.5)
    cases: int = Field(20_000, ge=100)
    seed: int = Field(42, ge=0)


class RecommenderGates(_Spec):
    """What a version must pass to become the champion.

    Attributes:
        metric: by which it must be better than the champion, or than popularity where there is none.
        alpha: significance of that, by a bootstrap of persons.
        least: metric → least value on the hold-out.
    """

    metric: Literal["hit_rate", "ndcg", "mrr"] = "ndcg"
    alpha: float = Field(0.05, gt=0, lt=1)
    least: dict[Metric, Annotated[float, Field(ge=0, le=1)]] = {}


class RecommenderFile(_Spec):
    """What a recommender's file says.

    Attributes:
        name: the file's name without `.yaml`.
        site: whose interactions are learned, and who is answered.
        data: interactions. Of `interactions.raw` the columns are chosen by themselves; elsewhere `rename` names
            `subject`, `item` and `time`, and, where there are, `kind`, `value` and `site`.
        kind: of interactions that say none.
        half_life_days: of the decayed popularity that it is compared with.
    """

    name: str
    about: str = ""
    task: Literal["recommendation"]
    site: str = Field("default", min_length=1)
    data: Source
    kind: Literal["view", "click", "cart", "purchase", "rating", "dwell"] = "view"
    candidates: tuple[Candidate, ...] = Field(min_length=1)
    validation: TimeSplit = TimeSplit()
    gates: RecommenderGates = RecommenderGates()
    half_life_days: float = Field(7.0, gt=0)
    retraining: Retraining = Retraining()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = [title_of(each) for each in self.candidates]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"candidates: two are called {', '.join(twice)}; give one a `name`")
        if self.retraining.drift_psi is not None:
            raise ValueError("retraining: a recommender has no inputs whose drift could be told; give cron or new_rows")
        if self.retraining.new_rows is not None and self.data.topic is None:
            raise ValueError("retraining: new_rows counts the rows of a topic; elsewhere give cron")
        return self


def title_of(candidate: Candidate) -> str:
    """By what a candidate is called."""
    return candidate.name or candidate.algorithm


def with_candidates(model: RecommenderFile, names: tuple[str, ...]) -> RecommenderFile:
    """The recommender with these of its candidates alone; all of them where none is named.

    Raises:
        ConfigurationError: the file has no such candidate.
    """
    titles = [title_of(each) for each in model.candidates]
    if strangers := [name for name in names if name not in titles]:
        raise ConfigurationError(
            f"{model.name} has no candidate {', '.join(strangers)}; there are: {', '.join(titles)}"
        )
    kept = tuple(each for each in model.candidates if not names or title_of(each) in names)
    return model.model_copy(update={"candidates": kept})


def find_recommender(name: str, folder: Path) -> RecommenderFile | None:
    """The recommender of `folder/NAME.yaml`, or None where that is missing or another task's.

    Raises:
        ConfigurationError: the file is wrong; says which field and why.
    """
    path = folder / f"{name}.yaml"
    return _checked(name, read_model_file(path)) if path.is_file() else None


def load_recommenders(folder: Path) -> dict[str, RecommenderFile]:
    """All recommenders of a folder, by name.

    Raises:
        ConfigurationError: a file is wrong.
    """
    found = {name: _checked(name, content) for name, content in read_model_folder(folder).items()}
    return {name: model for name, model in found.items() if model is not None}


def _checked(name: str, content: ModelContent) -> RecommenderFile | None:
    if content.get("task") != RECOMMENDATION:
        return None
    try:
        return RecommenderFile.model_validate({**content, "name": name})
    except ValidationError as error:
        raise ConfigurationError(f"{name}.yaml: {explain(error)}") from error
