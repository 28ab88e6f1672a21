"""An entry of the routes file: a name under which its messages are counted, and the topics that it means."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, field_validator

from ingest_mqtt.topic_pattern import TopicPattern

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Site = Annotated[str, StringConstraints(pattern=r"^[^/]+$")]


class NamedPattern(BaseModel):
    """Topics that fit `pattern`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    pattern: str

    @field_validator("pattern")
    @classmethod
    def _is_pattern(cls, pattern: str) -> str:
        TopicPattern(pattern)
        return pattern
