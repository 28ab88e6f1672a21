"""Format `senml+cbor`: the labels of RFC 8428, section 6, are turned into those of the JSON form."""

import base64
import io
from decimal import Decimal
from typing import Any, Never

import cbor2

from headrace.errors import Reason, TerminalError
from headrace.records import Reading
from process_readings.decode.senml import decode_pack, invalid
from process_readings.decode.source import Source

DECODER = "senml+cbor/1"
MAX_DEPTH = 8
"""SenML needs 2; a label that is not known may hold more."""
DECIMAL_FRACTION = 4
_LABELS = {
    -1: "bver",
    -2: "bn",
    -3: "bt",
    -4: "bu",
    -5: "bv",
    -6: "bs",
    0: "n",
    1: "u",
    2: "v",
    3: "vs",
    4: "vb",
    5: "s",
    6: "t",
    7: "ut",
    8: "vd",
}


def decode_senml_cbor(source: Source) -> list[Reading]:
    """Readings of a SenML pack in CBOR."""
    pack = parse_cbor(source.value)
    if pack.__class__ is list:
        pack = [_with_text_labels(record) for record in pack]
    return decode_pack(source, pack, DECODER)


def parse_cbor(value: bytes) -> Any:
    """The one data item of a body.

    Raises:
        TerminalError: it is not one well-formed data item, repeats a key, is too deep, or has a tag that SenML lacks.
    """
    stream = io.BytesIO(value)
    try:
        item = cbor2.CBORDecoder(
            stream, tag_hook=_refuse, semantic_decoders=_REFUSED_TAGS, max_depth=MAX_DEPTH, allow_duplicate_keys=False
        ).decode()
    except (cbor2.CBORError, ValueError, OverflowError) as error:
        reason = Reason.TOO_DEEP if "nesting depth" in str(error) else Reason.MALFORMED_CBOR
        raise TerminalError(reason, f"{error} {error.__cause__ or ''}".strip()) from error
    if stream.tell() != len(value):
        raise TerminalError(Reason.MALFORMED_CBOR, f"{len(value) - stream.tell()} bytes after the data item")
    return item


def _refuse(*_: object) -> Never:
    raise ValueError("a tag other than a decimal fraction")


# Big integers as keys can be chosen to collide in a hash table, regular expressions and shared references run or loop.
_REFUSED_TAGS = dict.fromkeys([*(tag for tag in range(1_100) if tag != DECIMAL_FRACTION), 43_000, 55_799], _refuse)


def _with_text_labels(record: Any) -> Any:
    if record.__class__ is not dict:
        return record
    named: dict[str, Any] = {}
    for key, value in record.items():
        label = _LABELS.get(key) if key.__class__ is int else key
        if label.__class__ is str:
            if label in named:
                raise invalid(f"label {label!r} is there as text and as number")
            named[label] = _as_json_value(label, value)
    return named


def _as_json_value(label: str, value: Any) -> Any:
    if value.__class__ is Decimal:
        return float(value)
    if label == "vd":
        if value.__class__ is not bytes:
            raise invalid("vd is not a byte string")
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    return value
