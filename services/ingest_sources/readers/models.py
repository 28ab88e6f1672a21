"""What a source's file says about reading: the format, its details, and the limits within which a file is read."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

Format = Literal["csv", "ndjson", "json", "parquet", "excel", "avro", "xml"]
Compression = Literal["none", "gzip", "bz2", "zstd", "zip"]
MB = 1_000_000
# pyarrow takes one ASCII byte; letters and digits would be in the cells.
Separator = Annotated[str, StringConstraints(pattern=r"^[\x01-\x09\x0b\x0c\x0e-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e]$")]


def _each_another(columns: tuple[str, ...]) -> tuple[str, ...]:
    if not columns or not all(columns) or len(set(columns)) < len(columns):
        raise ValueError("give one name a column, each another and none of them empty")
    return columns


Names = Annotated[tuple[str, ...], AfterValidator(_each_another)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CsvOptions(_Part):
    """How a CSV file is written; None is: found from the first 256 kB.

    Attributes:
        encoding: a name that Python knows.
        header: whether the first row has the names; None is: yes, unless `columns` are given.
        columns: the names, for a file without header, or instead of its own.
        skip_lines: lines before the header, or before the first row.
    """

    delimiter: Separator | None = None
    quote: Separator | None = None
    encoding: str | None = None
    header: bool | None = None
    columns: Names | None = None
    skip_lines: int = Field(0, ge=0, le=10_000)

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, encoding: str | None) -> str | None:
        try:
            return encoding if encoding is None else "".encode(encoding).decode("ascii") or encoding
        except (LookupError, UnicodeError):
            raise ValueError(f"{encoding!r} is no text encoding that Python knows; utf-8 and cp1252 are") from None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.header is False and self.columns is None:
            raise ValueError("a file without header needs `columns`: the names in the order of the file")
        if self.quote is not None and self.quote == self.delimiter:
            raise ValueError("quote and delimiter are the same character")
        return self


class ExcelOptions(_Part):
    """Which table of a workbook is read (xlsx, xlsm, xlsb, xls, ods).

    Attributes:
        sheet: by name, or by number from 1; None is the first one with a cell, the visible ones before the hidden ones.
        header: whether the first row that is not empty has the names.
        skip_rows: of the sheet, empty ones too, before the header or the first row.
        columns: the names from column A on, for a sheet without header, or instead of its own.
    """

    sheet: Annotated[int, Field(ge=1, strict=True)] | str | None = None
    header: bool = True
    skip_rows: int = Field(0, ge=0, le=1_048_576)
    columns: Names | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.header and self.columns is None:
            raise ValueError("a sheet without header needs `columns`: the names from column A on")
        return self


class XmlOptions(_Part):
    """Attributes:
    row: the tag, without namespace, of the elements that are rows; None is: the one that repeats under the root.
    """

    row: Annotated[str, StringConstraints(min_length=1, pattern=r"^[^{}<>\s]+$")] | None = None


class ReadOptions(_Part):
    """Attributes:
    format: auto is by the name's end, without the compression's, then by the content.
    compression: auto is by the name's end, then by the content.
    """

    format: Literal["auto"] | Format = "auto"
    compression: Literal["auto"] | Compression = "auto"
    csv: CsvOptions = CsvOptions()
    excel: ExcelOptions = ExcelOptions()
    xml: XmlOptions = XmlOptions()


class Limits(_Part):
    """Within which a file is read; one that passes a limit is refused.

    Attributes:
        memory_mb: of the reading process, with the 120 MB that its libraries take.
        seconds: that the file may take in all, without the time in which nobody asks for its rows; None is no limit.
        stall_seconds: without any progress.
        max_bytes: unpacked.
        max_ratio: unpacked to packed, judged after the first MB.
        max_entries: members of an archive.
        max_columns: of a table, after nested objects became columns.
        max_row_bytes: of one row; one that is longer goes to the dead letters, or the file is refused where the row's
            end can't be found.
        max_json_bytes: of a JSON document, which can only be read as a whole.
        chunk_rows: rows that are given at once, at most.
    """

    memory_mb: int = Field(1024, ge=192)
    seconds: float | None = Field(None, gt=0)
    stall_seconds: float = Field(60, gt=0)
    max_bytes: int = Field(10_000 * MB, ge=1)
    max_ratio: float = Field(100, ge=1)
    max_entries: int = Field(1000, ge=1)
    max_columns: int = Field(10_000, ge=1)
    max_row_bytes: int = Field(MB, ge=1, le=256 * MB)
    max_json_bytes: int = Field(256 * MB, ge=1)
    chunk_rows: int = Field(60_000, ge=1)
