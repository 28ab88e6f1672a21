"""One loaded version of a model, ready to score."""

from headrace.models.manifest import Manifest
from headrace.models.records import ModelVersion, Value
from headrace.models.row_model import RowModel
from headrace.models.scorer import Model


class LoadedVersion:
    """What a promotion's version became. Nothing of it changes; it is freed when the last user has left it.

    Args:
        card: Markdown.
    """

    def __init__(self, version: ModelVersion, model: Model, card: str = "") -> None:
        self.version = version
        self.model = model
        self.card = card
        self.rows = RowModel(model.manifest.name, model.manifest.inputs)

    @property
    def manifest(self) -> Manifest:
        return self.model.manifest

    @property
    def number(self) -> int:
        """The version's number in the registry."""
        return self.version.version

    def takes_rows_of(self, other: "LoadedVersion") -> bool:
        """Whether a row that was read for the other is one of this, which training's levels have no part in."""
        return _shape(self.manifest) == _shape(other.manifest)

    def warm_up(self) -> None:
        """Scores typical rows, so that no caller pays for a first run, and what can't score at all is found."""
        row = typical_row(self.manifest)
        self.model.predict([row])
        self.model.predict([row] * 8)


def typical_row(manifest: Manifest) -> dict[str, Value]:
    """A row of the values that were most common in training."""
    return {field.name: manifest.typical.get(field.name) for field in manifest.inputs}


def _shape(manifest: Manifest) -> list[tuple[object, ...]]:
    return [(each.name, each.kind, each.nullable, each.minimum, each.maximum) for each in manifest.inputs]
