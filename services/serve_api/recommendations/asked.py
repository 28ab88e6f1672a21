"""What a request asks for: whose recommendations, where they are shown, and what may be among them."""

from typing import Annotated, Any, TypeVar

from fastapi import Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from serve_api.predictions.asked import refused

MAX_COUNT = 100
MAX_EXCLUDED = 500
MAX_AGE = 150


def _split(value: object) -> object:
    return [part for part in value.split(",") if part] if isinstance(value, str) else value


Person = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00]*$")]
ItemId = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00]*$")]
Surface = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,64}$")]
Category = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Count = Annotated[int, Field(ge=1, le=MAX_COUNT)]
Age = Annotated[int, Field(ge=0, le=MAX_AGE)]
Excluded = Annotated[
    list[ItemId], Field(max_length=MAX_EXCLUDED), BeforeValidator(_split), AfterValidator(lambda found: tuple(found))
]


class _Query(BaseModel):
    # A parameter that is not known is refused: misspelt, it would silently filter nothing.
    model_config = ConfigDict(extra="forbid")

    count: Count = 10
    age: Age | None = None
    category: Category | None = None


class SimilarQuery(_Query):
    """What may be asked of items like one."""


class TrendingQuery(_Query):
    """What may be asked of what is trending."""


class RecommendationQuery(_Query):
    """What may be asked of recommendations; of user and session the user counts."""

    user: Person | None = None
    session: Person | None = None
    surface: Surface = "home"
    about: ItemId | None = None
    exclude: Excluded = Field(default_factory=list)


Q = TypeVar("Q", bound=BaseModel)


def read_query(request: Request, model: type[Q]) -> Q:
    """The query of a request.

    Raises:
        Problem: a parameter is wrong or unknown.
    """
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise refused(error) from None


_ABOUT = {
    "user": "Your id of the person. Only a keyed hash of it is stored, and nothing but a random id goes to Kafka",
    "session": "Your id of an anonymous visit; where `user` is given that counts",
    "surface": "Where they are shown, as in deploy/recommendations.yaml",
    "count": "How many at most",
    "about": "The item that is looked at",
    "exclude": "Items that are not wanted, with commas between",
    "age": "Years of who sees them. Items for older ones are left out; without it, all items with a least age",
    "category": "Only items of this category",
}


def parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    """The query's parameters in OpenAPI, as the route reads them itself."""
    properties = model.model_json_schema()["properties"]
    listed = []
    for name, schema in properties.items():
        described = {key: value for key, value in schema.items() if key != "title"}
        if name == "exclude":
            described = {"type": "string"}
        listed.append({"name": name, "in": "query", "description": _ABOUT[name], "schema": described})
    return listed
