"""What a subject did of late with items that it may have been shown, for joining to the answers that showed them."""

import struct
from collections.abc import Iterator

import msgspec

from headrace.interactions.records import Interaction, Kind
from headrace.interactions.weights import weight_of
from process_interactions.subjects.chunks import Chunks

_CHUNK_BYTES = 512
_MOST_CHUNKS = 48
"""About 400 steps: more than a person takes within half an hour."""
_SIZE = struct.Struct(">H")
_COMES_OF_ANSWERS = frozenset({"impression", "click", "cart", "purchase"})


class Step(msgspec.Struct, array_like=True, gc=False):
    """One interaction with an item; `time` is event time, `appended` append time, microseconds UTC."""

    kind: Kind
    item: str
    time: int
    appended: int
    weight: float
    recommendation: str | None = None
    position: int | None = None


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Step)


def trail(prefix: bytes, first: int = 0, contents: list[bytes] | None = None) -> Chunks:
    """That of a subject."""
    return Chunks(prefix, _CHUNK_BYTES, _MOST_CHUNKS, first, contents)


def step_of(interaction: Interaction, appended: int) -> bytes | None:
    """A piece of a trail; None where nothing can come of it: a view without an answer's id may be of any page."""
    item = interaction.item
    if item is None or (interaction.kind not in _COMES_OF_ANSWERS and interaction.recommendation is None):
        return None
    step = _ENCODER.encode(
        Step(
            interaction.kind,
            item,
            interaction.time,
            appended,
            weight_of(interaction),
            interaction.recommendation,
            interaction.position,
        )
    )
    return _SIZE.pack(len(step)) + step


def steps(chunks: Chunks) -> list[Step]:
    """All steps, the oldest first."""
    return [step for part in reversed(list(chunks.parts())) for step in _steps(part)]


def _steps(part: bytes) -> Iterator[Step]:
    at = 0
    while at < len(part):
        begin = at + _SIZE.size
        at = begin + _SIZE.unpack_from(part, at)[0]
        yield _DECODER.decode(part[begin:at])
