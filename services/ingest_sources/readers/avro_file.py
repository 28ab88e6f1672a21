"""The container of an Avro file: its schema and its blocks, whose records are not read here.

fastavro's own reader unpacks a block to whatever size it has, and before its rows can be skipped.
"""

import bz2
import io
import json
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import zstandard
from fastavro import schemaless_reader

from headrace.errors import Reason
from ingest_sources.readers.byte_stream import ByteStream
from ingest_sources.readers.models import MB, Limits
from ingest_sources.readers.refusal import FileRefused, too_large, unreadable

_BUFFER = 1 << 18
_META: dict[str, Any] = {"type": "map", "values": "bytes"}
_SYNC_BYTES = 16
_VARINT_BYTES = 10


@dataclass(frozen=True)
class Block:
    """Attributes:
    data: as it is in the file.
    """

    records: int
    data: bytes


class AvroFile:
    """Attributes:
    schema: as it was written, not parsed.
    """

    def __init__(self, stream: ByteStream, limits: Limits) -> None:
        """Raises FileRefused."""
        self._limits = limits
        self._file = _Buffered(stream)
        self._packed = self._unpacked = 0
        if self._file.read(4) != b"Obj\x01":
            raise unreadable("it is no Avro object container file")
        try:
            meta: Any = schemaless_reader(self._file, _META, None)
            self.schema = json.loads(meta["avro.schema"])
            codec = meta.get("avro.codec", b"null").decode()
        except (EOFError, KeyError, ValueError, OverflowError, RecursionError) as error:
            raise unreadable(f"its header is damaged: {type(error).__name__}: {error}") from error
        if codec not in _CODECS:
            detail = f"its codec is {codec!r}; {', '.join(_CODECS)} are read"
            raise FileRefused(Reason.UNSUPPORTED_FORMAT, detail)
        self._codec = codec
        self._sync = self._exact(_SYNC_BYTES)

    def blocks(self) -> Iterator[Block]:
        """Raises FileRefused: cut off or damaged."""
        while (records := self._long()) is not None:
            size = self._long()
            if size is None or size < 0 or records < 0:
                raise unreadable("a block's header is damaged or cut off")
            if size > self._memory:
                raise too_large(f"a block has {size} bytes, over a quarter of limits.memory_mb")
            data = self._exact(size)
            if self._exact(_SYNC_BYTES) != self._sync:
                raise unreadable("a block does not end where it says")
            self._packed += size
            yield Block(records, data)

    def unpacked(self, block: Block) -> bytes:
        """Raises FileRefused: damaged, over a limit, or with records that take no bytes, which have no end."""
        ratio = max(MB, int(self._limits.max_ratio * self._packed))
        limit = min(self._memory, min(self._limits.max_bytes, ratio) - self._unpacked)
        try:
            data = _CODECS[self._codec](block.data, limit + 1)
        except (zlib.error, OSError, EOFError, ValueError, lzma.LZMAError, zstandard.ZstdError) as error:
            raise unreadable(f"a block is damaged, or not of the codec {self._codec}: {error}") from error
        if len(data) > limit:
            raise too_large(
                f"a block unpacks into more than {limit} bytes, by limits.max_bytes, max_ratio and memory_mb"
            )
        self._unpacked += len(data)
        if block.records > len(data):
            raise unreadable(f"a block of {len(data)} bytes announces {block.records} records")
        return data

    @property
    def _memory(self) -> int:
        return self._limits.memory_mb << 18

    def _exact(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise unreadable("it is cut off; was the file still being written?")
        return data

    def _long(self) -> int | None:
        value = 0
        for place in range(_VARINT_BYTES):
            byte = self._file.read(1)
            if not byte:
                if place:
                    raise unreadable("it is cut off; was the file still being written?")
                return None
            value |= (byte[0] & 0x7F) << (7 * place)
            if byte[0] < 0x80:
                return (value >> 1) ^ -(value & 1)
        raise unreadable("a block's header is damaged")


class _Buffered(io.BufferedReader):
    def __init__(self, stream: ByteStream) -> None:
        super().__init__(_Raw(stream), _BUFFER)


class _Raw(io.RawIOBase):
    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _deflate(data: bytes, limit: int) -> bytes:
    return _whole(zlib.decompressobj(wbits=-15), data, limit)


def _bzip2(data: bytes, limit: int) -> bytes:
    return _whole(bz2.BZ2Decompressor(), data, limit)


def _xz(data: bytes, limit: int) -> bytes:
    return _whole(lzma.LZMADecompressor(memlimit=limit + (64 << 20)), data, limit)


def _whole(decoder: Any, data: bytes, limit: int) -> bytes:
    unpacked: bytes = decoder.decompress(data, limit)
    if len(unpacked) < limit and not decoder.eof:
        raise EOFError("the packed data is cut off")
    return unpacked


def _zstandard(data: bytes, limit: int) -> bytes:
    decoder = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    with decoder.stream_reader(data, read_across_frames=True) as reader:
        return reader.read(limit)


def _snappy(data: bytes, limit: int) -> bytes:
    try:
        import cramjam  # of this service's own libraries it is none
    except ImportError:
        raise FileRefused(Reason.UNSUPPORTED_FORMAT, "its codec is 'snappy', for which cramjam is missing") from None
    body, checksum = data[:-4], int.from_bytes(data[-4:], "big")
    size = 0
    for place, byte in enumerate(body[:5]):
        size |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            break
    if size >= limit:
        return bytes(limit)
    unpacked = bytes(cramjam.snappy.decompress_raw(body))
    if zlib.crc32(unpacked) != checksum:
        raise ValueError("the checksum does not fit")
    return unpacked


# Each gives at most so many bytes.
_CODECS: dict[str, Callable[[bytes, int], bytes]] = {
    "null": lambda data, limit: data[:limit],
    "deflate": _deflate,
    "bzip2": _bzip2,
    "xz": _xz,
    "zstandard": _zstandard,
    "snappy": _snappy,
}
