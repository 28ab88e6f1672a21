"""What the API says of a person: rows as typed dictionaries, from records whose personal fields are decrypted."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, with_config
from typing_extensions import TypedDict

from headrace.errors import TerminalError
from headrace.interactions.records import Attribute, Interaction, Recommendation, UserFeatures
from headrace.subjects.personal import decrypt_personal
from headrace.subjects.subject import Subject
from serve_api.times import iso
from serve_api.users.subject_records import Stored

_INTERACTION: JsonValue = {
    "record": "interaction",
    "time": "2026-01-31T12:00:00.250000Z",
    "id": "e-17",
    "kind": "rating",
    "item": "film-31",
    "value": 8.0,
    "quantity": 1,
    "session": "q3Vb1kYy2o9w",
    "recommendation": "r-4",
    "position": 0,
    "consent": True,
    "context": {"device": "phone"},
    "personal": {"email": "a@example.org"},
    "flags": [],
    "received": "2026-01-31T12:00:00.311000Z",
}
_RECOMMENDATION: JsonValue = {
    "record": "recommendation",
    "time": "2026-01-31T12:00:01.250000Z",
    "id": "r-4",
    "surface": "home",
    "items": ["film-31", "film-7"],
    "arms": {"ranker": "b"},
    "about": "film-7",
}
_FEATURES: JsonValue = {
    "updated": "2026-01-31T12:00:00.250000Z",
    "first_seen": "2026-01-01T00:00:00.000000Z",
    "recent": ["film-31"],
    "session_items": ["film-31"],
    "bought": [],
    "counts": {"view": 3},
    "consent": True,
    "flagged": False,
}
_PAGE: JsonValue = {
    "user": "anna",
    "subject": "Zm9vYmFyYmF6cXV4cXV1eA",
    "features": _FEATURES,
    "arms": {"ranker": "b"},
    "items": [_INTERACTION, _RECOMMENDATION],
    "next": "WyIyMDI2Il0",
}
_ERASED: JsonValue = {
    "erased": True,
    "recorded": "2026-01-31T12:00:00.250000Z",
    "key_destroyed": True,
    "follows": ["tables", "features", "models"],
}
_CONSENT: JsonValue = {"personalisation": False, "time": "2026-01-31T12:00:00.250000Z"}


@with_config(ConfigDict(json_schema_extra={"examples": [_INTERACTION]}))
class InteractionRow(TypedDict):
    """One thing that the person did."""

    record: Literal["interaction"]
    time: str
    id: str
    kind: str
    item: str | None
    value: float | None
    quantity: int
    session: str | None
    recommendation: str | None
    position: int | None
    consent: bool | None
    context: dict[str, Attribute]
    personal: Annotated[
        dict[str, Attribute] | None,
        Field(description="In clear what is stored encrypted; null where it can't be read"),
    ]
    flags: list[str]
    received: str


@with_config(ConfigDict(json_schema_extra={"examples": [_RECOMMENDATION]}))
class RecommendationRow(TypedDict):
    """One answer that the person was given."""

    record: Literal["recommendation"]
    time: str
    id: str
    surface: str
    items: list[str]
    arms: Annotated[dict[str, str], Field(description="Experiment and the person's arm in it")]
    about: str | None


@with_config(ConfigDict(json_schema_extra={"examples": [_FEATURES]}))
class FeaturesRow(TypedDict):
    """What recommendations go by now."""

    updated: str
    first_seen: str
    recent: list[str]
    session_items: list[str]
    bought: list[str]
    counts: dict[str, int]
    consent: Annotated[bool, Field(description="Whether the person lets us personalise")]
    flagged: Annotated[bool, Field(description="Whether it is taken for a program")]


@with_config(ConfigDict(json_schema_extra={"examples": [_PAGE]}))
class UserDataPage(TypedDict):
    """All that is held about a person: the same head on each page, then records by the month in which they came."""

    user: Annotated[str, Field(description="The user or session, as it was asked for")]
    subject: Annotated[str, Field(description="The random id in place of it in all records")]
    features: FeaturesRow | None
    arms: Annotated[dict[str, str], Field(description="Running experiments and the person's arm in each")]
    items: list[InteractionRow | RecommendationRow]
    next: str | None


@with_config(ConfigDict(json_schema_extra={"examples": [_ERASED]}))
class ErasedRow(TypedDict):
    """What became of a request to erase."""

    erased: Annotated[bool, Field(description="Whether there was anything; false where nobody is known by this name")]
    recorded: Annotated[str | None, Field(description="When all parts were told, by a record that Kafka has confirmed")]
    key_destroyed: Annotated[bool, Field(description="Whether this request deleted the key and who it was")]
    follows: Annotated[list[str], Field(description="What other parts delete on that record, mostly in seconds")]


@with_config(ConfigDict(json_schema_extra={"examples": [_CONSENT]}))
class ConsentRow(TypedDict):
    """What was taken of a person's consent."""

    personalisation: bool
    time: str


class ConsentBody(BaseModel):
    """Whether the person lets us personalise."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"personalisation": False}]})

    personalisation: Annotated[bool, Field(strict=True)]


def record_row(subject: Subject, record: Stored) -> InteractionRow | RecommendationRow:
    """A record as its person may see it."""
    return interaction_row(subject, record) if isinstance(record, Interaction) else recommendation_row(record)


def interaction_row(subject: Subject, record: Interaction) -> InteractionRow:
    """With what is personal in clear."""
    return {
        "record": "interaction",
        "time": iso(record.time),
        "id": record.id,
        "kind": record.kind,
        "item": record.item,
        "value": record.value,
        "quantity": record.quantity,
        "session": record.session,
        "recommendation": record.recommendation,
        "position": record.position,
        "consent": record.consent,
        "context": record.context,
        "personal": _personal(subject, record.personal),
        "flags": list(record.flags),
        "received": iso(record.received),
    }


def recommendation_row(record: Recommendation) -> RecommendationRow:
    return {
        "record": "recommendation",
        "time": iso(record.made),
        "id": record.id,
        "surface": record.surface,
        "items": [shown.item for shown in record.items],
        "arms": record.arms,
        "about": record.about,
    }


def features_row(features: UserFeatures) -> FeaturesRow:
    return {
        "updated": iso(features.updated),
        "first_seen": iso(features.first_seen),
        "recent": [recent.item for recent in features.recent],
        "session_items": list(features.session_items),
        "bought": list(features.bought),
        "counts": features.counts,
        "consent": features.consent,
        "flagged": features.flagged,
    }


def _personal(subject: Subject, text: str | None) -> dict[str, Attribute] | None:
    if text is None:
        return {}
    try:
        return decrypt_personal(subject, text)
    except TerminalError:
        return None
