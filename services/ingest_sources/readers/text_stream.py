"""Text of any encoding as blocks of valid UTF-8.

A byte that is no text must cost its row only. It becomes one of 128 code points at the end of the last private area of
Unicode, U+10FF80 to U+10FFFF, from which the byte can be told again; a cell with one of them is not valid. (A file that
really has these code points beside bytes that are no text loses the rows with them.)
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from headrace.errors import Reason
from ingest_sources.readers.byte_stream import ByteStream
from ingest_sources.readers.refusal import FileRefused

_BLOCK = 1 << 20
_OFFSET = 0x10FF00 - 0xDC00
_TO_MARK = {code: code + _OFFSET for code in range(0xDC80, 0xDD00)}
_TO_BYTE = {mark: code for code, mark in _TO_MARK.items()}
MARKED = "[\U0010ff80-\U0010ffff]"
"""A regular expression for a byte that was no text."""
_BOMS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
# With fewer bytes over 127 than this, guesses are as often Cyrillic or Arabic as right.
_ENOUGH_TO_GUESS = 32
_NOT_ASCII = re.compile("[^\x00-\x7f]")
_INVALID = re.compile("[\udc80-\udcff]")


def find_encoding(sample: bytes) -> str:
    """The name of the encoding by its byte order mark, as UTF-8, or as a guess.

    Raises:
        FileRefused: it is no text in any known encoding.
    """
    for bom, encoding in _BOMS.items():
        if sample.startswith(bom):
            return encoding
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(sample)
    invalid = len(_INVALID.findall(text))
    if not invalid:
        return "utf-8"
    # A file with some broken cells is still UTF-8 when most of what is not ASCII can be read.
    valid = len(_NOT_ASCII.findall(text)) - invalid
    return "utf-8" if valid > invalid else _guess(sample)


def _guess(sample: bytes) -> str:
    high = sum(byte > 127 for byte in sample)
    if high < _ENOUGH_TO_GUESS and b"\0" not in sample:
        return "cp1252"
    import charset_normalizer

    best = charset_normalizer.from_bytes(sample).best()
    if best is None:
        detail = "it is no text in an encoding that can be found; set csv.encoding, or is it another format?"
        raise FileRefused(Reason.INVALID_UTF8, detail)
    return best.encoding


@dataclass
class Marks:
    """Whether any byte was marked so far: to look for marks costs as much as to parse."""

    seen: bool = False


def utf8_blocks(stream: ByteStream, encoding: str, marks: Marks) -> Iterator[bytes]:
    """The stream as UTF-8 without byte order mark; each block ends with a whole character.

    Raises:
        FileRefused: it ends or breaks in a way that has no bytes to mark, as UTF-16 of odd length does.
    """
    name = codecs.lookup(encoding).name
    if name in ("utf-8", "utf-8-sig", "ascii"):
        return _checked(stream, marks)
    return _recoded(
        stream, encoding, marks, "surrogatepass" if name.startswith(("utf-16", "utf-32")) else "surrogateescape"
    )


def _checked(stream: ByteStream, marks: Marks) -> Iterator[bytes]:
    if stream.peek(3) == b"\xef\xbb\xbf":
        stream.read(3)
    rest = b""
    while data := stream.read(_BLOCK):
        data = rest + data
        end = _whole(data)
        data, rest = data[:end], data[end:]
        yield _marked(data, marks)
    if rest:
        yield _marked(rest, marks)


def _whole(data: bytes) -> int:
    """Where the last character that is not whole begins."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 != 0x80:
            length = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
            return len(data) - back if length > back else len(data)
    return len(data)


def _marked(data: bytes, marks: Marks) -> bytes:
    try:
        data.decode()
    except UnicodeDecodeError:
        marks.seen = True
        return data.decode(errors="surrogateescape").translate(_TO_MARK).encode()
    return data


def _recoded(stream: ByteStream, encoding: str, marks: Marks, errors: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    ended = False
    try:
        while not ended:
            data = stream.read(_BLOCK)
            ended = not data
            text = decoder.decode(data, ended)
            yield _encoded(text, marks)
    except (UnicodeError, ValueError) as error:
        raise FileRefused(Reason.INVALID_UTF8, f"it is not {encoding}: {error}") from error


def _encoded(text: str, marks: Marks) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        marks.seen = True
        return _marked(text.translate(_TO_MARK).encode("utf-8", "surrogatepass"), marks)


def unmarked(text: str) -> bytes:
    """The text's bytes with those that were no text as they were."""
    return text.translate(_TO_BYTE).encode("utf-8", "surrogateescape")
