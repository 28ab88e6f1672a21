"""What a model file says of its features."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from headrace.models.inputs import InputKind

DatePart = Literal["year", "month", "day", "weekday", "hour", "days"]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RatioSpec(_Spec):
    """The number `of` by the number `by`, to which `plus` is added; missing where that is zero."""

    of: str
    by: str
    plus: float = 0.0
    name: str = ""

    @property
    def title(self) -> str:
        """Of the new number."""
        return self.name or f"{self.of} by {self.by}"


class RotationSpec(_Spec):
    """Two numbers as coordinates, such as longitude and latitude, seen from other directions too.

    Attributes:
        degrees: by which they are turned.
    """

    columns: tuple[str, str]
    degrees: tuple[float, ...] = Field((22.5, 45.0, 67.5), min_length=1)


class PcaSpec(_Spec):
    """Principal components in place of features.

    Attributes:
        keep: share of the variance to keep where below 1, else the number of components.
        columns: inputs whose features are replaced; all where none is given.
    """

    keep: float = Field(gt=0)
    columns: tuple[str, ...] = ()

    @field_validator("keep")
    @classmethod
    def _share_or_count(cls, keep: float) -> float:
        if keep >= 1 and keep != int(keep):
            raise ValueError("is a share below 1, or a whole number of components")
        return keep


class Features(_Spec):
    """The steps between raw columns and the algorithm; what isn't said is chosen by each input's kind.

    A number has its median where it is missing, and a column that says so; a boolean the same with its most frequent
    value. A category becomes one column per level, a rare or unseen one a common column. A time becomes its parts, a
    text hashed words.

    Attributes:
        drop: inputs that are asked for and kept, but not used.
        rare: a level with fewer rows than this is rare.
        ordinal: category → its levels from the least to the greatest, which become 0, 1, …, and -1 for another.
        scale: whether numbers have mean 0 and deviation 1; as the algorithm needs it where nothing is said.
        log: numbers that are replaced by sign(x)·ln(1+|x|).
        ratios: new numbers.
        rotations: new numbers.
        dates: time → its parts, where others than the usual are wanted.
        hash_text: columns per text. Such a model can't be put into ONNX.
    """

    drop: tuple[str, ...] = ()
    rare: int = Field(10, ge=1)
    ordinal: dict[str, tuple[str, ...]] = {}
    scale: bool | None = None
    log: tuple[str, ...] = ()
    ratios: tuple[RatioSpec, ...] = ()
    rotations: tuple[RotationSpec, ...] = ()
    dates: dict[str, tuple[DatePart, ...]] = {}
    pca: PcaSpec | None = None
    hash_text: int = Field(256, ge=2, le=1 << 16)

    def problems(self, kinds: Mapping[str, InputKind]) -> list[str]:
        """What doesn't fit the inputs, by name and kind; nothing where all does."""
        numbers = {name for name, kind in kinds.items() if kind == "number"}
        in_ratios = [name for ratio in self.ratios for name in (ratio.of, ratio.by)]
        in_rotations = [name for rotation in self.rotations for name in rotation.columns]
        found = _strangers("drop", self.drop, set(kinds), "an input")
        found += _strangers("ordinal", self.ordinal, {n for n, k in kinds.items() if k == "category"}, "a category")
        found += _strangers("log", self.log, numbers, "a number")
        found += _strangers("ratios", in_ratios, numbers, "a number")
        found += self._same_titles(kinds)
        found += _strangers("rotations", in_rotations, numbers, "a number")
        found += _strangers("dates", self.dates, {n for n, k in kinds.items() if k == "time"}, "a time")
        found += _strangers("pca.columns", self.pca.columns if self.pca else (), set(kinds), "an input")
        if not set(kinds) - set(self.drop):
            found.append("features.drop leaves no input")
        return found

    def _same_titles(self, kinds: Container[str]) -> list[str]:
        titles = Counter(ratio.title for ratio in self.ratios)
        several = [title for title, count in titles.items() if count > 1]
        inputs = [title for title in titles if title in kinds and title not in self.drop]
        found = [f"features.ratios: several are called {title!r}: give each its own `name`" for title in several]
        return found + [f"features.ratios: {title!r} is an input: give the ratio another `name`" for title in inputs]


def _strangers(where: str, names: Iterable[str], allowed: set[str], what: str) -> list[str]:
    return [f"features.{where}: {name} is not {what} of the model" for name in names if name not in allowed]
