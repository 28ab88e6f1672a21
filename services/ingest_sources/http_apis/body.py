"""Takes an answer's body as it comes, and no more of it than is allowed."""

import zlib
from collections.abc import Iterable

from headrace.errors import ConfigurationError, TransientError

_STEP = 1 << 16
_EITHER = zlib.MAX_WBITS | 32
"""zlib finds by itself whether it is gzip or zlib."""
PACKINGS = "gzip, deflate"


def read_body(chunks: Iterable[bytes], packing: str, limit: int, place: str) -> bytes:
    """The body, unpacked.

    Args:
        packing: as the header Content-Encoding says.
        limit: bytes that it may have unpacked; it is read no further.
        place: as messages name the answer.

    Raises:
        ConfigurationError: it has more, or is packed otherwise than was asked for.
        TransientError: it is cut off.
    """
    packing = packing.strip().lower()
    if packing in ("", "identity"):
        pieces = chunks
    elif packing in ("gzip", "x-gzip", "deflate"):
        pieces = _unpacked(chunks, place)
    else:
        raise ConfigurationError(f"{place} answers with Content-Encoding {packing}, where {PACKINGS} was asked for")
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > limit:
            raise ConfigurationError(
                f"{place} answers with more than limits.max_answer_mb, {limit / 1e6:g} MB: ask for smaller pages, or "
                "raise it"
            )
    return bytes(body)


def _unpacked(chunks: Iterable[bytes], place: str) -> Iterable[bytes]:
    unpacker, head = None, b""
    for chunk in chunks:
        data, is_more = chunk, True
        if unpacker is None:
            head += chunk
            if len(head) < 2:
                continue
            unpacker, data = zlib.decompressobj(_window(head)), head
        while is_more:
            try:
                piece = unpacker.decompress(data, _STEP)
            except zlib.error as error:
                raise ConfigurationError(f"{place} answers with what can't be unpacked: {error}") from error
            yield piece
            data = unpacker.unconsumed_tail
            if unpacker.eof and (data := unpacker.unused_data):
                unpacker = zlib.decompressobj(_EITHER)
            # A full piece may have left more behind.
            is_more = bool(data) or len(piece) == _STEP
    if head and (unpacker is None or not unpacker.eof):
        raise TransientError(f"{place}: the packed answer is cut off")


def _window(head: bytes) -> int:
    """Many servers send deflate without its frame (RFC 1950), of which the first two bytes tell."""
    is_framed = head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0
    return _EITHER if is_framed or head[:2] == b"\x1f\x8b" else -zlib.MAX_WBITS
