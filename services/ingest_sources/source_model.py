"""What the file of every source says, of whatever kind it is."""

from typing import Annotated

from pydantic import StringConstraints

from ingest_sources.into import Into
from ingest_sources.model_part import Part
from ingest_sources.rules.models import Rule

SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class SourceModel(Part):
    """Attributes:
    personal: columns, as they come, whose values no dead letter may show; those that a rule pseudonymises are known.
    """

    name: SourceName
    about: str = ""
    personal: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    into: Into
