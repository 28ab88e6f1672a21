"""The stream that a batch model scores, as its file has it under `stream:`."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headrace.errors import ConfigurationError
from headrace.models.model_folder import explain, read_model_folder


class Stream(BaseModel):
    """Rows that a model scores as they come, each of them once.

    Attributes:
        topic: whose values are JSON objects, such as a source's own topic.
        id: column whose value is the prediction's id, by which its outcome is told; without it the id is made of the
            row's position.
        subject: column that says whom or what the row is about.
        time: column of the row's time: ISO 8601 with a zone, or an epoch number in s, ms, µs or ns.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str = Field(pattern=r"^[a-zA-Z0-9._-]{1,200}$")
    id: str | None = None
    subject: str | None = None
    time: str | None = None


def load_streams(folder: Path) -> dict[str, Stream]:
    """The streams of the model files in a folder, by the model's name.

    Raises:
        ConfigurationError: a file is wrong, or two models score the same topic.
    """
    streams: dict[str, Stream] = {}
    for name, content in read_model_folder(folder).items():
        if content.get("stream") is None:
            continue
        try:
            stream = Stream.model_validate(content["stream"])
        except ValidationError as error:
            raise ConfigurationError(f"{name}.yaml: stream: {explain(error)}") from error
        for other, taken in streams.items():
            if taken.topic == stream.topic:
                raise ConfigurationError(f"{name}.yaml: stream: {other} scores {stream.topic} already")
        streams[name] = stream
    return streams
