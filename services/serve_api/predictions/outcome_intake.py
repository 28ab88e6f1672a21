"""Takes outcomes: what came of what was predicted, as the caller knows it later."""

from collections import Counter
from math import isfinite
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
)

from headrace.clock import Clock
from headrace.models.manifest import RECOMMENDATION, Task
from headrace.models.records import Outcome
from serve_api.predictions.asked import MAX_ROWS, PredictionId, read_json, refused
from serve_api.predictions.deployments import Deployments, recommender
from serve_api.predictions.metrics import PredictionMetrics
from serve_api.predictions.recorder import Recorder
from serve_api.problems import Fault, invalid
from serve_api.times import Instant

_EXAMPLE: JsonValue = {
    "id": "019bd5c2-4e80-7b6e-9d3c-2f1a7c5d8e90",
    "model": "churn",
    "label": True,
    "observed": "2026-01-31T12:00:00Z",
}
_EXPECTED: dict[Task, str] = {
    "classification": "send true where the positive class came, else false",
    "regression": "send the number that came, in the label's unit",
}


_SAFE_INTEGER = 2**53


def _exact(label: bool | int | float) -> bool | int | float:
    """Refuses what would be recorded as another number, or as none."""
    if isinstance(label, int):
        if abs(label) > _SAFE_INTEGER:
            raise ValueError("a whole number above 2^53 would be rounded; send it as a float: 1.5e16")
    elif not isfinite(label):
        raise ValueError("it is too large for a number of 64 bits")
    return label


class OutcomeBody(BaseModel):
    """What came of one prediction."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    id: Annotated[PredictionId, Field(description="The prediction's id, as it was answered or given")]
    model: Annotated[StrictStr, Field(description="The model that predicted")]
    label: Annotated[
        StrictBool | StrictInt | StrictFloat,
        AfterValidator(_exact),
        Field(description="Of a classification whether the positive class came; of a regression the number"),
    ]
    observed: Annotated[Instant | None, Field(description="When it came; now, if left out")] = None


class OutcomesBody(BaseModel):
    """What came of several."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"outcomes": [_EXAMPLE]}]})

    outcomes: Annotated[list[OutcomeBody], Field(min_length=1, max_length=MAX_ROWS)]


class OutcomeIntake:
    """The outcomes of a process."""

    def __init__(self, deployments: Deployments, recorder: Recorder, metrics: PredictionMetrics, clock: Clock) -> None:
        self._deployments = deployments
        self._recorder = recorder
        self._metrics = metrics
        self._clock = clock

    async def take(self, site: str, body: bytes) -> int:
        """Returns how many there are, when Kafka has confirmed all of them.

        Raises:
            Problem: one is wrong, then none is taken; or Kafka did not confirm.
        """
        content = read_json(body)
        is_many = isinstance(content, dict) and "outcomes" in content
        given = _read(content, is_many)
        self._check_labels(given, is_many)
        now = self._clock.now_us()
        come = [
            Outcome(each.id, site, each.model, each.label, now if each.observed is None else each.observed)
            for each in given
        ]
        await self._recorder.outcomes(come)
        for model, count in Counter(each.model for each in come).items():
            self._metrics.count_outcomes(model, count)
        return len(come)

    def _check_labels(self, given: list[OutcomeBody], is_many: bool) -> None:
        for at, each in enumerate(given):
            where = f"outcomes.{at}." if is_many else ""
            deployment = self._deployments.find_any(each.model)
            if deployment is None:
                problem = f"there is no model {each.model!r}"
                raise invalid(Fault(f"{where}model", problem, self._deployments.which()))
            task = self._deployments.manifest(deployment).task
            if task == RECOMMENDATION:
                raise recommender(each.model)
            if isinstance(each.label, bool) != (task == "classification"):
                raise invalid(Fault(f"{where}label", f"the model does a {task}", _EXPECTED[task]))


def _read(content: Any, is_many: bool) -> list[OutcomeBody]:
    try:
        if is_many:
            return OutcomesBody.model_validate(content).outcomes
        return [OutcomeBody.model_validate(content)]
    except ValidationError as error:
        raise refused(error) from None
