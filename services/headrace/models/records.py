"""The records about models: which version of each answers, what was predicted, and what came of it.

Times are microseconds since 1970-01-01 UTC. A record of `predictions.made` and those of `predictions.outcomes` about it
have the prediction's id as their key, so that both are in the same partition.
"""

from typing import Literal, NamedTuple

import msgspec

PROMOTED = "models.promoted"
MADE = "predictions.made"
OUTCOMES = "predictions.outcomes"

Value = float | int | bool | str | None
"""A feature or a label, as JSON has it."""
Role = Literal["champion", "canary", "shadow"]


class ModelVersion(msgspec.Struct, frozen=True):
    """One version of a model in the registry.

    `uri` is the folder of its artifact: a path, `file:`, or an object store's address. `manifest_sha256` binds what is
    there to what was promoted.
    """

    version: int
    uri: str
    manifest_sha256: str


class Promotion(msgspec.Struct, omit_defaults=True, frozen=True):
    """Which versions of a model run: `promotion.v1`, in the compacted topic `models.promoted` under the model's name.

    The champion answers. The canary answers its share of the requests, chosen by a hash of the prediction's id. The
    shadow is scored too, and its predictions are recorded and never answered. `before` are the champions before this
    one, the newest first, to which a rollback goes back. `revision` grows by one with each change.
    """

    name: str
    revision: int
    champion: ModelVersion
    updated: int
    reason: str = ""
    before: tuple[ModelVersion, ...] = ()
    canary: ModelVersion | None = None
    canary_share: float = 0.0
    shadow: ModelVersion | None = None


class Withdrawal(NamedTuple):
    """A model whose promotion was deleted, by a record without a value: no version of it runs any more."""

    name: str


Change = Promotion | Withdrawal
"""What `models.promoted` says anew of a model."""


class Prediction(msgspec.Struct, omit_defaults=True, gc=False):
    """What a model said of one row, with the row: `prediction.v1`.

    `features` are the row as the version took it, and are taken again as they are: a time is ISO 8601 in UTC with
    microseconds, a category a text (1 and 1.0 are "1", true is "true"), what is missing null.
    `score` is the probability of the positive class, or the predicted value in the label's unit. `decision` is whether
    a probability reaches `threshold`; a regression has neither. `subject` says whom or what the row is about, where
    that is known: a subject id, or `site/device/metric`. `event_time` is the row's time, where it has one, and `due`
    when the outcome can be known.
    """

    id: str
    site: str
    model: str
    version: int
    role: Role
    made: int
    features: dict[str, Value]
    score: float
    decision: bool | None = None
    threshold: float | None = None
    subject: str | None = None
    event_time: int | None = None
    due: int | None = None


class Outcome(msgspec.Struct, omit_defaults=True, gc=False):
    """What came of what was predicted: `outcome.v1`; the newest of an id counts.

    `label` is the value that the model predicts: true where the positive class came, or the number.
    """

    id: str
    site: str
    model: str
    label: float | bool
    observed: int
