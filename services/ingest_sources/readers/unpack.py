"""Unpacks gzip, bz2, zstd and zip as a stream, with limits on what comes out."""

import bz2
import io
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Protocol

import zstandard

from headrace.errors import Reason
from ingest_sources.readers.models import MB, Compression, Limits
from ingest_sources.readers.open_file import FileInput
from ingest_sources.readers.refusal import FileRefused, too_large, unreadable

PIECE = 1 << 18
# A zstd block of 4 bytes may unpack into 128 kB, and the library has no limit on what one call gives: 64 MB of 2 kB.
_ZSTD_PIECE = 2048
_Pieces = Iterator[bytes]


class _Decoder(Protocol):
    """One member or frame."""

    @property
    def ended(self) -> bool: ...
    @property
    def unused(self) -> bytes: ...
    def feed(self, data: bytes) -> _Pieces: ...


class _Gzip:
    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    @property
    def ended(self) -> bool:
        return self._zlib.eof

    @property
    def unused(self) -> bytes:
        return self._zlib.unused_data

    def feed(self, data: bytes) -> _Pieces:
        full = True
        while full and not self._zlib.eof:
            piece = self._zlib.decompress(data, PIECE)
            data = self._zlib.unconsumed_tail
            full = bool(data) or len(piece) == PIECE
            yield piece


class _Bz2:
    def __init__(self) -> None:
        self._bz2 = bz2.BZ2Decompressor()

    @property
    def ended(self) -> bool:
        return self._bz2.eof

    @property
    def unused(self) -> bytes:
        return self._bz2.unused_data

    def feed(self, data: bytes) -> _Pieces:
        yield self._bz2.decompress(data, PIECE)
        while not self._bz2.eof and not self._bz2.needs_input:
            yield self._bz2.decompress(b"", PIECE)


class _Zstd:
    def __init__(self) -> None:
        self._zstd = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()

    @property
    def ended(self) -> bool:
        return self._zstd.eof

    @property
    def unused(self) -> bytes:
        return self._zstd.unused_data

    def feed(self, data: bytes) -> _Pieces:
        yield self._zstd.decompress(data)


_DECODERS: dict[Compression, tuple[Callable[[], _Decoder], int]] = {
    "gzip": (_Gzip, PIECE),
    "bz2": (_Bz2, PIECE),
    "zstd": (_Zstd, _ZSTD_PIECE),
}


def unpacked(file: FileInput, compression: Compression, limits: Limits) -> _Pieces:
    """The file's content in pieces of some 100 kB.

    Raises:
        FileRefused: cut off, damaged, not of this compression, or over a limit.
    """
    if compression == "none":
        if file.size > limits.max_bytes:
            raise too_large(f"the file has {file.size} bytes, over limits.max_bytes, {limits.max_bytes}")
        return _raw(file, PIECE)
    if compression == "zip":
        return _guarded(_zip_member(file, limits), limits, lambda: file.size)
    new, size = _DECODERS[compression]
    return _guarded(_members(_raw(file, size), new, compression), limits, lambda: file.read_bytes)


def _raw(file: FileInput, size: int) -> _Pieces:
    file.seek(0)
    while piece := file.read(size):
        yield piece


def _guarded(pieces: _Pieces, limits: Limits, packed: Callable[[], int]) -> _Pieces:
    total = 0
    for piece in pieces:
        total += len(piece)
        _check_size(total, packed(), limits)
        yield piece


def _check_size(total: int, packed: int, limits: Limits) -> None:
    if total > limits.max_bytes:
        raise too_large(f"it unpacks into more than limits.max_bytes, {limits.max_bytes}")
    if total > MB and total > limits.max_ratio * packed:
        raise too_large(f"it unpacks into more than {limits.max_ratio:g} times its size, limits.max_ratio")


def _members(source: _Pieces, new: Callable[[], _Decoder], compression: str) -> _Pieces:
    decoder, any_member, inside = new(), False, False
    try:
        for data in source:
            # Between members zeros may stand: tapes and tools pad with them.
            data = data if inside or not any_member else data.lstrip(b"\0")
            while data:
                yield from decoder.feed(data)
                any_member = inside = True
                data = b""
                if decoder.ended:
                    data, decoder, inside = decoder.unused.lstrip(b"\0"), new(), False
    except (zlib.error, OSError, EOFError, zstandard.ZstdError) as error:
        raise unreadable(f"it is damaged, or not {compression}: {error}") from error
    if inside or not any_member:
        raise unreadable(f"the {compression} data is cut off; was the file still being written?")


def _zip_member(file: FileInput, limits: Limits) -> _Pieces:
    try:
        with _archive(file) as archive, archive.open(_only_member(archive, limits)) as member:
            while piece := member.read(PIECE):
                yield piece
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise unreadable(f"the zip archive is damaged, or of a kind that is not read: {error}") from error


def _archive(file: FileInput) -> zipfile.ZipFile:
    file.seek(0)
    return zipfile.ZipFile(file)


_OFFICE = frozenset(("[Content_Types].xml", "mimetype"))


def is_office(file: FileInput) -> bool:
    """Whether a zip archive is one document (OOXML, OpenDocument), whose members are of no use by themselves."""
    try:
        with _archive(file) as archive:
            return not _OFFICE.isdisjoint(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError):
        file.seek(0)
        return begins_as_office(file.read(64) or b"")


def begins_as_office(head: bytes) -> bool:
    """Whether the first member, by its header, is one that programs put first into these documents."""
    return any(name.encode() in head[:64] for name in _OFFICE)


def check_archive(file: io.IOBase, limits: Limits) -> None:
    """Raises FileRefused: by what its directory says, the archive is over a limit. What is no archive passes."""
    size = file.seek(0, io.SEEK_END)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError):
        return
    finally:
        file.seek(0)
    _check_entries(entries, limits)
    total = sum(entry.file_size for entry in entries)
    _check_size(total, size, limits)


def zip_member_name(file: FileInput, limits: Limits) -> str:
    """The name of the one file in an archive. Raises FileRefused."""
    try:
        with _archive(file) as archive:
            return _only_member(archive, limits).filename
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise unreadable(f"the zip archive is damaged: {error}") from error


def _check_entries(entries: list[zipfile.ZipInfo], limits: Limits) -> None:
    if len(entries) > limits.max_entries:
        raise too_large(f"the archive has {len(entries)} entries, over limits.max_entries, {limits.max_entries}")


def _only_member(archive: zipfile.ZipFile, limits: Limits) -> zipfile.ZipInfo:
    entries = archive.infolist()
    _check_entries(entries, limits)
    if any(entry.filename in _OFFICE for entry in entries):
        raise FileRefused(Reason.UNSUPPORTED_FORMAT, "it is an Office document and no zip; leave out read.compression")
    for entry in entries:
        _check_entry(entry)
    # What macOS adds to archives is no data.
    files = [entry for entry in entries if not entry.is_dir() and not entry.filename.startswith("__MACOSX/")]
    if len(files) != 1:
        detail = f"the archive has {len(files)} files; an archive with exactly one is read, so unpack it first"
        raise FileRefused(Reason.UNSUPPORTED_FORMAT, detail)
    return files[0]


def _check_entry(entry: zipfile.ZipInfo) -> None:
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts[:1] and path.parts[0].endswith(":")):
        raise unreadable(f"the archive has an entry that points outside: {entry.filename!r}")
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise unreadable(f"the archive has an entry that is no regular file: {entry.filename!r}")
    if entry.flag_bits & 0x1:
        raise FileRefused(Reason.UNSUPPORTED_FORMAT, f"the archive's {entry.filename!r} is encrypted")
