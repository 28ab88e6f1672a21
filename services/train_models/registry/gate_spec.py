"""What a model file says of promotion."""

from pydantic import BaseModel, ConfigDict, Field

from train_models.choice.choice_spec import Metric


class Gates(BaseModel):
    """What a candidate must pass to become the champion.

    It must be better than the champion on hold-out rows that the champion wasn't fitted on. The first version must be
    better than the baselines that say the same of every row, and not clearly worse than the others. Where rows hang
    together, by a group or by an id that repeats, tests draw whole groups.

    A slice fails where its metric fell by more than `slice_drop` and the fall is beyond chance, at 5 % over all slices
    together. Simulated on 1,400 rows with 7 to 14 slices and a `slice_drop` of 0.02 in ROC-AUC, by models with
    independent errors, which is the hardest case: of equally good candidates 3 to 5 % are refused, where the fall alone
    would refuse half; of those that fell by 0.06 in a slice of 770 rows 70 %. Smaller slices tell less, so a slice that
    must not fall needs rows.

    Attributes:
        metric: by which it is compared; the search's where it isn't given.
        alpha: significance of the paired test against the champion, or against the baselines.
        slice_drop: most that a slice's metric may surely be worse than the champion's; of `rmse` and `mae` it is a
            share of the champion's.
        least: metric → least value on the hold-out (most, for an error).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: Metric | None = None
    alpha: float = Field(0.05, gt=0, lt=1)
    slice_drop: float = Field(0.02, ge=0)
    least: dict[Metric, float] = {}
