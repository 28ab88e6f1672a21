"""What a model file says of the choice among candidates."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Algorithm = Literal[
    "linear", "ridge", "lasso", "elastic_net", "logistic", "random_forest", "hist_boosting", "lightgbm", "svm", "knn"
]
Metric = Literal[
    "roc_auc", "average_precision", "log_loss", "brier", "f1", "balanced_accuracy", "mcc", "rmse", "mae", "r2"
]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Validation(_Spec):
    """How rows are split.

    Attributes:
        splits: `auto` is stratified for a classification and k-fold for a regression.
        repeats: of the whole cross-validation, each with another shuffle; `time` and `group` have one.
        hold_out: share of the rows that judge the chosen model, once.
        inner_folds: of the search inside each outer fold.
    """

    splits: Literal["auto", "k_fold", "stratified", "group", "time"] = "auto"
    folds: int = Field(5, ge=2, le=50)
    repeats: int = Field(1, ge=1, le=100)
    hold_out: float = Field(0.2, gt=0, lt=0.9)
    inner_folds: int = Field(3, ge=2, le=20)
    seed: int = 42


class Candidate(_Spec):
    """One algorithm, with fixed parameters and those that are searched.

    Attributes:
        name: in reports; the algorithm where it is not given.
        average: names of other candidates whose predictions are averaged, in place of an algorithm.
        search: parameter → list of choices, or `{low, high, log, step, integer}`; none searches nothing.
            `default` is the algorithm's own space.
        bag: fits with so many seeds whose predictions are averaged.
        early_stopping: of `lightgbm`: `n_estimators` is the most; training ends where so many more rounds made
            nothing better on a part of the training rows.
    """

    algorithm: Algorithm | None = None
    name: str = Field("", pattern=r"^([A-Za-z0-9][A-Za-z0-9_. -]{0,59})?$")
    average: tuple[str, ...] = ()
    params: dict[str, float | int | bool | str | None] = {}
    search: "Literal['default'] | dict[str, list[float | int | bool | str] | Range]" = {}
    bag: int = Field(1, ge=1, le=50)
    early_stopping: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.algorithm is None) == (not self.average):
            raise ValueError("give an algorithm, or the candidates whose average this is")
        if self.average and (self.params or self.search or self.bag > 1 or self.early_stopping):
            raise ValueError("average: params, search, bag and early_stopping belong to what is averaged")
        if self.early_stopping and self.algorithm != "lightgbm":
            raise ValueError("early_stopping: only with lightgbm")
        return self

    @property
    def title(self) -> str:
        """What it is called in reports and by an average."""
        return self.name or self.algorithm or "average"


class Range(_Spec):
    """Numbers between two, both included."""

    low: float
    high: float
    log: bool = False
    step: float | None = Field(None, gt=0)
    integer: bool = False

    @model_validator(mode="after")
    def _is_range(self) -> Self:
        if self.low >= self.high:
            raise ValueError("low must be less than high")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log: needs a low above 0 and no step")
        return self


class Search(_Spec):
    """The search's budget, per candidate and outer fold; the first of both ends it.

    A budget in minutes gives other trials on another machine; one in trials gives the same everywhere.

    Attributes:
        metric: of search and choice; ROC-AUC or RMSE where it isn't given.
        prefer_simple: chooses the first candidate of the file that is within a standard error of the best.
    """

    trials: int = Field(0, ge=0)
    minutes: float | None = Field(None, gt=0)
    metric: Metric | None = None
    pruning: bool = True
    prefer_simple: bool = False


class Imbalance(_Spec):
    """What is done about rare classes, inside the folds only."""

    weights: Literal["none", "balanced"] = "none"
    resampling: Literal["none", "smote", "random_over", "random_under"] = "none"


class Threshold(_Spec):
    """How the threshold is chosen, on out-of-fold predictions; by the F1 score where nothing is said.

    Attributes:
        cost: of a false positive and a false negative, such as {false_positive: 1, false_negative: 5}.
        f_beta: the beta of the F score to be greatest.
        recall_at_precision: greatest recall at this precision or more.
        fixed: this one.
    """

    cost: dict[Literal["false_positive", "false_negative"], float] | None = None
    f_beta: float | None = Field(None, gt=0)
    recall_at_precision: float | None = Field(None, gt=0, lt=1)
    fixed: float | None = Field(None, gt=0, lt=1)

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        if sum(value is not None for value in (self.cost, self.f_beta, self.recall_at_precision, self.fixed)) > 1:
            raise ValueError("give one of cost, f_beta, recall_at_precision and fixed")
        return self
