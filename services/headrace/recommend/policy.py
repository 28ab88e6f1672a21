"""What is recommended where, as configuration: `deploy/recommendations.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from headrace.errors import ConfigurationError
from headrace.interactions.records import Attribute, Kind

SourceName = Literal["trending", "together", "sessions", "content", "factors", "batch", "fresh", "again"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


M = TypeVar("M", bound=BaseModel)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Filters(_Part):
    """What is never recommended.

    Attributes:
        seen: kinds of interaction after which a person has had enough of an item.
        bought: what the person bought.
        unavailable: what can't be had.
        age: what is for older people than the one of `context.age`; where that is unsaid, whatever has a least age.
        unlisted: what the catalogue doesn't have. It has no attributes, so that no other filter holds it back.
        only_categories: where given, nothing else.
        not_categories: categories that are left out.
    """

    seen: tuple[Kind, ...] = ("purchase", "rating")
    bought: bool = True
    unavailable: bool = True
    age: bool = True
    unlisted: bool = True
    only_categories: tuple[str, ...] = ()
    not_categories: tuple[str, ...] = ()


class Diversity(_Part):
    """How different the items of an answer are.

    Attributes:
        most_per_category: items of one category in an answer at most, unless it would stay short; 0 for any number.
        likeness_cost: what likeness to an item above costs, in units of the ranker's score (maximal marginal relevance,
            Carbonell and Goldstein 1998); 0 for none.
    """

    most_per_category: int = Field(0, ge=0)
    likeness_cost: float = Field(0.0, ge=0, le=20)


class Rule(_Part):
    """A business rule: what it does with the items that it is about.

    Attributes:
        category: it is about items of this category; with other conditions, all must hold.
        tag: about items with this tag.
        items: about these.
        attributes: about items whose attributes have these values.
        boost: added to the ranker's score, whose unit is log odds; below 0 it buries.
        pin: they come first, in the order of their scores, where they are among the candidates or named by `items`.
        remove: they aren't recommended.
    """

    name: Name
    category: str | None = None
    tag: str | None = None
    items: tuple[str, ...] = ()
    attributes: dict[str, Attribute] = {}
    boost: float = Field(0.0, ge=-20, le=20)
    pin: bool = False
    remove: bool = False

    @model_validator(mode="after")
    def _is_about_something(self) -> Self:
        if self.category is None and self.tag is None and not self.items and not self.attributes:
            raise ValueError("says which items by none of category, tag, items and attributes")
        if not self.boost and not self.pin and not self.remove:
            raise ValueError("does nothing: give boost, pin or remove")
        return self


class Exploration(_Part):
    """How often a place is given to a candidate that the ranker wouldn't show there, to learn.

    Attributes:
        rate: probability that an answer has one such place.
        first_place: the first place, from 0, that may be explored.
        sources: whose candidates; the bandit chooses among them.
    """

    rate: float = Field(0.1, ge=0, le=1)
    first_place: int = Field(2, ge=0)
    sources: tuple[SourceName, ...] = ("fresh", "content", "sessions", "together", "factors", "batch", "trending")


class Policy(_Part):
    """How one surface is recommended for.

    Attributes:
        sources: source → candidates that it gives at most; one that isn't named is off.
    """

    sources: dict[SourceName, Annotated[int, Field(ge=1, le=1_000)]] = {
        "trending": 120,
        "together": 120,
        "sessions": 100,
        "content": 60,
        "factors": 60,
        "batch": 100,
        "fresh": 20,
        "again": 20,
    }
    filters: Filters = Filters()
    diversity: Diversity = Diversity()
    rules: tuple[Rule, ...] = ()
    exploration: Exploration = Exploration()

    def changed(self, overrides: Mapping[str, Any]) -> Policy:
        """The policy with parts replaced, as by an experiment's arm: mappings are merged, all else is replaced.

        Raises:
            ConfigurationError: an override doesn't fit; says which field and why.
        """
        return _checked(Policy, _merged(self.model_dump(), overrides), "overrides")


class Policies(_Part):
    """The policy of each surface: `default`, with what a surface says in place of it."""

    default: Policy = Policy()
    surfaces: dict[Name, dict[str, Any]] = {}

    @model_validator(mode="after")
    def _surfaces_fit(self) -> Self:
        for surface, overrides in self.surfaces.items():
            try:
                self.default.changed(overrides)
            except ConfigurationError as error:
                raise ValueError(f"surfaces.{surface}: {error}") from error
        return self

    def of(self, surface: str, overrides: Mapping[str, Any] | None = None) -> Policy:
        """The policy of a surface, of `default` where it isn't named, with an arm's overrides."""
        policy = self.default.changed(self.surfaces[surface]) if surface in self.surfaces else self.default
        return policy.changed(overrides) if overrides else policy


def load_policies(path: Path) -> Policies:
    """Reads the file of policies.

    Raises:
        ConfigurationError: it can't be read or is wrong; says which field and why.
    """
    try:
        content = yaml.safe_load(path.read_text()) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: can't be read: {error}") from error
    return _checked(Policies, content, path.name)


def _checked(kind: type[M], content: object, where: str) -> M:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise ConfigurationError(f"{where}: {said}") from error


def _merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in overrides.items():
        before = merged.get(name)
        # Sources are replaced as a whole: an arm that names two means those two.
        both = isinstance(before, Mapping) and isinstance(value, Mapping) and name != "sources"
        merged[name] = _merged(before, value) if both else value  # type: ignore[arg-type]
    return merged
