"""Finds what a file is: by its name's end, then by how it begins."""

import io
from dataclasses import dataclass
from pathlib import PurePath

import msgspec

from headrace.errors import Reason
from ingest_sources.readers.byte_stream import ByteStream
from ingest_sources.readers.csv_dialect import looks_like_csv
from ingest_sources.readers.models import Compression, Format, Limits, ReadOptions
from ingest_sources.readers.open_file import FileInput
from ingest_sources.readers.refusal import FileRefused, too_large
from ingest_sources.readers.text_stream import find_encoding
from ingest_sources.readers.unpack import begins_as_office, is_office, unpacked, zip_member_name

SAMPLE = 1 << 18
_COMPRESSIONS: dict[str, Compression] = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".zstd": "zstd", ".zip": "zip"}
_FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".psv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".geojson": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xlsb": "excel",
    ".xls": "excel",
    ".ods": "excel",
    ".avro": "avro",
    ".xml": "xml",
}
# These are told by how they begin, and say themselves what is wrong with them.
_BINARY: dict[Format, tuple[bytes, ...]] = {
    "parquet": (b"PAR1",),
    "avro": (b"Obj\x01",),
    "excel": (b"\xd0\xcf\x11\xe0",),
}
_PACKED: dict[bytes, Compression] = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
}
# How files begin that people drop into the wrong folder; more than these are told by their NUL bytes.
_OTHERS = {
    b"PAR1": "Parquet",
    b"PARE": "encrypted Parquet",
    b"Obj\x01": "Avro",
    b"ORC": "ORC",
    b"ARROW1": "Arrow",
    b"SQLite format 3\x00": "SQLite",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"%PDF-": "PDF",
    b"\x7fELF": "a program",
    b"\x89HDF": "HDF5",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7z",
    b"Rar!": "RAR",
}
_UTF_BOMS = (b"\xff\xfe", b"\xfe\xff")
_READ = "CSV, NDJSON, JSON, XML, Parquet, Avro and workbooks are read"


@dataclass(frozen=True)
class Found:
    """Attributes:
    stream: the unpacked content.
    tabs: the name says that cells are divided by tabs.
    """

    format: Format
    compression: Compression
    file: FileInput
    stream: ByteStream
    tabs: bool

    def whole(self, limits: Limits) -> io.RawIOBase | io.BytesIO:
        """The unpacked content as a file in which can be sought. Raises FileRefused: it may not fit into memory."""
        if self.compression == "none":
            return self.file
        half = limits.memory_mb << 19
        data = self.stream.read(half + 1)
        if len(data) > half:
            raise too_large(f"it unpacks into more than half of limits.memory_mb, {limits.memory_mb}")
        return io.BytesIO(data)


def find(file: FileInput, name: str, options: ReadOptions, limits: Limits) -> Found:
    """Raises FileRefused: the format is unknown, or not what the name says."""
    compression, name = _compression(file, name, options)
    if compression == "zip":
        name = zip_member_name(file, limits)
    stream = ByteStream(unpacked(file, compression, limits))
    head = stream.peek(SAMPLE)
    suffix = PurePath(name).suffix.lower()
    form = _format(options.format, suffix, head, compression)
    if form == "parquet" and compression != "none":
        detail = f"Parquet inside {compression} is not read: Parquet packs its pages itself, so unpack the file first"
        raise FileRefused(Reason.UNSUPPORTED_FORMAT, detail)
    return Found(form, compression, file, stream, suffix in (".tsv", ".tab"))


def _compression(file: FileInput, name: str, options: ReadOptions) -> tuple[Compression, str]:
    """The compression, and the name without its end."""
    path = PurePath(name)
    by_name = _COMPRESSIONS.get(path.suffix.lower())
    inner = path.stem if by_name else name
    if options.compression != "auto":
        return options.compression, inner
    file.seek(0)
    head = file.read(64) or b""
    if _packed(head) == "zip" and is_office(file):
        return "none", inner
    return by_name or _packed(head) or "none", inner


def _packed(head: bytes) -> Compression | None:
    return next((packed for magic, packed in _PACKED.items() if head.startswith(magic)), None)


def _format(asked: str, suffix: str, head: bytes, compression: Compression) -> Format:
    given = asked if asked != "auto" else _FORMATS.get(suffix)
    if given is None:
        given = _binary(head, compression)
    if given in _BINARY:
        return given
    _refuse_other(head, given)
    if given is None and _is_xml(head):
        return "xml"
    if asked == "auto" and given in ("json", None):
        return _json_kind(head, given == "json") or _csv(head, suffix)
    return given  # type: ignore[return-value]


def _binary(head: bytes, compression: Compression) -> Format | None:
    # An archive that is not taken for a packed file is a workbook, as is one in another archive that looks like one.
    if _packed(head) == "zip" and (compression == "none" or begins_as_office(head)):
        return "excel"
    return next((form for form, magics in _BINARY.items() if head.startswith(magics)), None)


def _is_xml(head: bytes) -> bool:
    start = head[:1024]
    return start.decode(find_encoding(start), errors="ignore").lstrip("\ufeff \t\r\n").startswith("<")


def _csv(head: bytes, suffix: str) -> Format:
    text = head.decode(find_encoding(head), errors="ignore")
    # Without an end the name says nothing; an end that is not known says that it may be something else.
    if head and suffix and not looks_like_csv(text):
        detail = (
            f"files named *{suffix} are not known and it looks like nothing that is read; set read.format ({_READ})"
        )
        raise FileRefused(Reason.UNSUPPORTED_FORMAT, detail)
    return "csv"


def _refuse_other(head: bytes, given: str | None) -> None:
    what = next((name for magic, name in _OTHERS.items() if head.startswith(magic)), None)
    if what is None and _packed(head):
        what = "an Office document" if begins_as_office(head) else f"packed ({_packed(head)}), perhaps twice"
    if what is None and given is None and not head.startswith(_UTF_BOMS) and b"\0" in head:
        what = "binary"
    if what is not None:
        text = f"it is {what}; {_READ}"
        raise FileRefused(Reason.UNSUPPORTED_FORMAT, text if given is None else f"it should be {given}, but {text}")


def _json_kind(head: bytes, is_json: bool) -> Format | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    if text[:1] == b"{" and _first_line_is_whole(text):
        return "ndjson"
    return "json" if is_json or text[:1] in (b"{", b"[") else None


def _first_line_is_whole(text: bytes) -> bool:
    """One object in the first line and more after it: what many tools call JSON is lines of it."""
    line, _, rest = text.partition(b"\n")
    if not rest.strip():
        return False
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
