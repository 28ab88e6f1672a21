"""Persons whose interactions are not learned, as the topic `interactions.features` has them."""

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from headrace.interactions.records import FEATURES
from headrace.replay.ranges import find_ranges
from train_models.data.snapshots import About
from train_models.data.sources.topic_rows import read_range

WHY = "records of persons who don't consent or were taken for machines"


class _Standing(msgspec.Struct):
    """What matters here of `user_features.v1`."""

    consent: bool = True
    flagged: bool = False


def people_left_out(brokers: str) -> frozenset[str]:
    """Subjects without consent, and those that were flagged as no person.

    Raises:
        ConfigurationError: the topic is missing.
        TransientError: the brokers don't answer.
    """
    decoder = msgspec.json.Decoder(_Standing)
    found: set[str] = set()
    for partition, (first, end) in enumerate(find_ranges(brokers, [FEATURES], 0, None)[FEATURES]):
        for messages in read_range(brokers, FEATURES, partition, first, end):
            for message in messages:
                subject = (message.key() or b"").decode(errors="replace")
                value = message.value()
                # The newest of a subject counts, and one of more than one partition there is none.
                found.discard(subject)
                if value is not None and not _may_be_learned(decoder, value):
                    found.add(subject)
    return frozenset(found)


def without(batch: pa.RecordBatch, subjects: pa.Array, about: About) -> pa.RecordBatch:
    """The rows of all others; the rest is counted.

    Args:
        subjects: who is left out, text.
    """
    kept = pc.invert(pc.is_in(batch.column("subject"), subjects))
    rows = batch.filter(kept)
    if gone := batch.num_rows - rows.num_rows:
        about.left_out[WHY] = about.left_out.get(WHY, 0) + gone
    return rows


def _may_be_learned(decoder: msgspec.json.Decoder[_Standing], value: bytes) -> bool:
    try:
        standing = decoder.decode(value)
    except msgspec.MsgspecError:
        # Nobody can tell, so it isn't.
        return False
    return standing.consent and not standing.flagged
