"""What a report and a card say of a model besides how good it is: its data and what made it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ReportFacts:
    """Where a model comes from.

    Attributes:
        data_sha256: of the snapshot.
        data_rows: of the snapshot.
        source: in words, such as a topic's range or a file's name, without secrets.
        code: version and commit of the code that trained.
        libraries: name → version.
        content_sha256: of the model's normalised content; empty where it isn't known yet.
        created: microseconds UTC.
        left_out: why → how many rows did not become rows of the snapshot.
    """

    data_sha256: str
    data_rows: int
    source: str
    code: str
    libraries: Mapping[str, str]
    content_sha256: str
    created: int
    left_out: Mapping[str, int] = field(default_factory=dict)
