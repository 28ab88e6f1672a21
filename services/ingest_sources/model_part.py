"""The base of all parts of a source's file."""

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """What it does not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")
