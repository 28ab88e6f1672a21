"""The types of the GraphQL schema."""

from collections.abc import Mapping
from typing import Any

import strawberry
from strawberry.scalars import JSON

from serve_api.recommendations.item_rows import ChoiceRow, ItemRow, RecommendationList


@strawberry.type(description="An item of the catalog")
class Item:
    item: strawberry.ID
    title: str
    category: str | None
    tags: list[str]
    price: float | None
    image: str | None
    available: bool
    min_age: int | None
    created: str | None
    updated: str
    attributes: JSON

    @classmethod
    def of(cls, row: ItemRow) -> "Item":
        return cls(**_named(row))


@strawberry.type(description="An item that is recommended, with why")
class Choice:
    item: strawberry.ID
    title: str
    category: str | None
    price: float | None
    image: str | None
    available: bool
    position: int
    score: float
    source: str
    explored: bool
    reasons: list[str]

    @classmethod
    def of(cls, row: ChoiceRow) -> "Choice":
        return cls(**_named(row))


@strawberry.type(description="Which arm of an experiment somebody is in")
class Arm:
    experiment: str
    arm: str


@strawberry.type(description="Which version of a model ranked")
class Version:
    model: str
    # An Int of GraphQL has 32 bits.
    version: strawberry.ID


@strawberry.type(description="Recommendations; `id` belongs into the events that follow from them")
class Recommendations:
    id: strawberry.ID
    surface: str
    made: str
    kind: str
    items: list[Choice]
    arms: list[Arm]
    versions: list[Version]
    degraded: list[str] = strawberry.field(description="Parts that were away and are done without")

    @classmethod
    def of(cls, row: RecommendationList) -> "Recommendations":
        return cls(
            id=strawberry.ID(row["id"]),
            surface=row["surface"],
            made=row["made"],
            kind=row["kind"],
            items=[Choice.of(each) for each in row["items"]],
            arms=[Arm(experiment=name, arm=arm) for name, arm in row["arms"].items()],
            versions=[
                Version(model=name, version=strawberry.ID(str(number))) for name, number in row["versions"].items()
            ],
            degraded=row["degraded"],
        )


@strawberry.type(description="A field of an event that is wrong")
class FieldFault:
    name: str
    problem: str
    mend: str


@strawberry.type(description="An event that was refused, by its place from 0")
class RefusedEvent:
    index: int
    errors: list[FieldFault]


@strawberry.type(description="What became of the events")
class EventsTaken:
    accepted: int
    repeated: int
    refused: list[RefusedEvent]


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    return dict(row)
