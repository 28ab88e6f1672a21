"""A model file: all that says how a model is made, `deploy/models/NAME.yaml`."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from headrace.errors import ConfigurationError
from headrace.models.inputs import Input, InputKind
from headrace.models.manifest import RECOMMENDATION, Task
from headrace.models.model_folder import ModelContent, explain, read_model_file, read_model_folder
from headrace.models.online import TASK as ONLINE
from headrace.models.stream import Stream
from train_models.choice.choice_spec import Candidate, Imbalance, Search, Threshold, Validation
from train_models.data.data_spec import Data
from train_models.features.feature_spec import Features
from train_models.registry.gate_spec import Gates
from train_models.retraining.retraining_spec import Retraining

MODEL_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_OTHERS = (ONLINE, RECOMMENDATION)
"""Tasks whose files say other things than a `ModelFile`."""
MODELS_FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "models"


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputSpec(_Spec):
    """One input as the file has it: a kind alone, or a kind with what is allowed."""

    kind: InputKind
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None


def _kind_alone(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


class ModelFile(_Spec):
    """What a model file says.

    Attributes:
        name: the file's name without `.yaml`.
        inputs: name → kind, in the order of the model's columns.
        stream: what process_predictions scores with the model.
        slices: inputs by whose values the hold-out is judged apart.
        threads: of training; 1 gives the same hash for the same rows and seed.
    """

    name: str
    about: str = ""
    task: Task
    data: Data
    inputs: dict[str, Annotated[InputSpec, BeforeValidator(_kind_alone)]] = Field(min_length=1)
    features: Features = Features()
    validation: Validation = Validation()
    candidates: tuple[Candidate, ...] = Field(min_length=1)
    search: Search = Search()
    imbalance: Imbalance = Imbalance()
    threshold: Threshold = Threshold()
    calibration: Literal["auto", "none", "sigmoid", "isotonic"] = "auto"
    slices: tuple[str, ...] = ()
    gates: Gates = Gates()
    retraining: Retraining = Retraining()
    stream: Stream | None = None
    threads: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.data.label in self.inputs:
            raise ValueError(f"inputs: {self.data.label} is the label, so it can't be an input")
        if self.retraining.new_rows is not None and not self.data.topics:
            raise ValueError("retraining: new_rows counts the rows of a topic or of predictions; elsewhere give cron")
        if strangers := sorted(set(self.slices) - set(self.inputs)):
            raise ValueError(f"slices: {', '.join(strangers)} not among the inputs")
        if problems := self.features.problems({name: spec.kind for name, spec in self.inputs.items()}):
            raise ValueError("; ".join(problems))
        if self.task == "classification" and self.data.positive is None:
            raise ValueError("data: positive is missing: the label's value that is to be predicted, such as 'Yes'")
        return self

    def declared_inputs(self) -> tuple[Input, ...]:
        """The inputs without what only the data can tell (levels)."""
        return tuple(
            Input(name, spec.kind, spec.nullable, spec.minimum, spec.maximum) for name, spec in self.inputs.items()
        )


def good_name(name: str) -> str:
    """The name, as it also names files, topics' keys and addresses.

    Raises:
        ConfigurationError: it is none.
    """
    if not MODEL_NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} is no name of a model: small letters, digits and _, a letter first, at most 60"
        )
    return name


ModelName = Annotated[str, AfterValidator(good_name)]


def with_candidates(model: ModelFile, names: tuple[str, ...]) -> ModelFile:
    """The model with these of its candidates alone, and what they average; all of them where none is named.

    Raises:
        ConfigurationError: the file has no such candidate.
    """
    if not names:
        return model
    titles = [each.title for each in model.candidates]
    if strangers := [name for name in names if name not in titles]:
        raise ConfigurationError(
            f"{model.name} has no candidate {', '.join(strangers)}; there are: {', '.join(titles)}"
        )
    averaged = {member for each in model.candidates if each.title in names for member in each.average}
    return model.model_copy(
        update={"candidates": tuple(each for each in model.candidates if each.title in averaged.union(names))}
    )


def load_model_file(name: str, folder: Path = MODELS_FOLDER) -> ModelFile:
    """Reads `folder/NAME.yaml`.

    Raises:
        ConfigurationError: the name is none, or the file is missing or wrong; says which field and why.
    """
    path = folder / f"{good_name(name)}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in folder.glob("*.yaml"))) or "none"
        raise ConfigurationError(f"there is no model file {path.name} in {folder}; known are: {known}")
    return _checked(name, read_model_file(path))


def load_model_files(folder: Path = MODELS_FOLDER) -> dict[str, ModelFile]:
    """All models of a folder that are trained on rows: name → model. Left out are online models and recommenders.

    Raises:
        ConfigurationError: a file is wrong.
    """
    contents = read_model_folder(folder)
    return {name: _checked(name, content) for name, content in contents.items() if content.get("task") not in _OTHERS}


def _checked(name: str, content: ModelContent) -> ModelFile:
    if content.get("task") == ONLINE:
        raise ConfigurationError(
            f"{name} is an online model, which learns in process_predictions and isn't trained here"
        )
    if content.get("task") == RECOMMENDATION:
        raise ConfigurationError(f"{name} is a recommender, which is trained on interactions and not on rows")
    try:
        return ModelFile.model_validate({**content, "name": good_name(name)})
    except ValidationError as error:
        raise ConfigurationError(f"{name}.yaml: {explain(error)}") from error
