"""What the file of every source says, of whatever kind it is."""

from typing import Annotated, ClassVar

from pydantic import StringConstraints

from ingest_sources.into import AnyInto, IntoInteractions
from ingest_sources.model_part import Part
from ingest_sources.rules.models import Rule
from ingest_sources.rules.traced_back import traced_back

SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class SourceModel(Part):
    """Attributes:
    IS_FREE_FORM: rows don't share columns and types, so that one which doesn't fit costs itself alone.
    OP_COLUMN: the column that says `delete` where a row is one that went; empty where rows don't go.
    personal: columns, as they come, whose values no dead letter may show; those that a rule pseudonymises are known.
    """

    IS_FREE_FORM: ClassVar[bool] = False
    OP_COLUMN: ClassVar[str] = ""

    name: SourceName
    about: str = ""
    personal: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    into: AnyInto

    @property
    def personal_columns(self) -> frozenset[str]:
        """Those of `personal`, and those that say whose rows are, under each name that they have in turn."""
        people = self.into.columns_of_people if isinstance(self.into, IntoInteractions) else ()
        return frozenset(self.personal) | traced_back(people, self.rules)
