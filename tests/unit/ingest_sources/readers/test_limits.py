"""A hostile file costs itself: bombs, endless lines, what is no file, and a reader that dies."""

import bz2
import gzip
import io
import os
import random
import resource
import signal
import time
import zipfile
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import zstandard

from headrace.errors import Reason
from ingest_sources.readers import parts
from ingest_sources.readers.models import Limits, ReadOptions
from ingest_sources.readers.nursery import Nursery
from ingest_sources.readers.read_file import read_rows
from ingest_sources.readers.refusal import FileRefused, ReaderLost
from ingest_sources.rows import ROW
from tests.unit.ingest_sources.readers.reading import Read, read

CSV = b"a,b\n" + b"1,2\n" * 1000
DEADLINE = 20.0


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def refusal(done: Read) -> tuple[Reason, str]:
    assert done.refused is not None
    return done.refused.reason, done.refused.detail


def zipped(*members: tuple[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return target.getvalue()


def repeated(path: Path, megabytes: int) -> Path:
    lines = b"".join(b"pump-%d,%d.5,some text\n" % (n % 50, n) for n in range(40_000))
    with path.open("wb") as file:
        file.write(b"device,value,note\n")
        for _ in range((megabytes << 20) // len(lines)):
            file.write(lines)
    return path


def test_row_s_name_is_the_same() -> None:
    assert parts.ROW == ROW


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("f.csv.gz", gzip.compress(CSV[:1000]) + gzip.compress(CSV[1000:]) + b"\0" * 512),
        ("f.csv.bz2", bz2.compress(CSV[:1000]) + bz2.compress(CSV[1000:])),
        ("f.csv.zst", zstandard.compress(CSV[:1000]) + zstandard.compress(CSV[1000:])),
        ("f.zip", zipped(("folder/", b""), ("folder/f.csv", CSV))),
        ("unnamed", gzip.compress(CSV)),
    ],
)
def test_packed_files(tmp_path: Path, name: str, packed: bytes) -> None:
    assert len(read(write(tmp_path, name, packed)).rows) == 1000


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, zstandard.compress])
def test_packed_files_that_are_cut_off_or_damaged(tmp_path: Path, pack: object) -> None:
    noise = random.Random(1).randbytes(200_000).hex().encode()
    packed = pack(b"a\n" + noise.replace(b"0", b"\n"))  # type: ignore[operator]
    suffix = {gzip.compress: "gz", bz2.compress: "bz2"}.get(pack, "zst")  # type: ignore[call-overload]
    cut = read(write(tmp_path, f"f.csv.{suffix}", packed[: len(packed) // 2]))
    assert "cut off" in refusal(cut)[1]
    assert refusal(read(write(tmp_path, f"f.csv.{suffix}", packed + b"garbage")))[0] == Reason.UNEXPECTED_SHAPE
    assert refusal(read(write(tmp_path, f"f.csv.{suffix}", b"")))[0] == Reason.UNEXPECTED_SHAPE


@pytest.mark.parametrize("name", ["bomb.csv.gz", "bomb.csv.zst", "bomb.csv.bz2", "bomb.zip"])
def test_bombs_are_refused_early(tmp_path: Path, name: str) -> None:
    content = b"a\n" + b"\n" * 200_000_000
    packed = {
        "bomb.csv.gz": lambda: gzip.compress(content, 1),
        "bomb.csv.zst": lambda: zstandard.compress(content),
        "bomb.csv.bz2": lambda: bz2.compress(content[:50_000_000], 1),
        "bomb.zip": lambda: zipped(("bomb.csv", content)),
    }[name]()
    path = write(tmp_path, name, packed)
    reason, detail = refusal(read(path, Limits(memory_mb=256)))
    assert (reason, "max_ratio" in detail) == (Reason.TOO_LARGE, True)
    reason, detail = refusal(read(path, Limits(max_ratio=1e9, max_bytes=10_000_000)))
    assert (reason, "max_bytes" in detail) == (Reason.TOO_LARGE, True)


@pytest.mark.parametrize(
    "members",
    [
        [("a.csv", CSV), ("b.csv", CSV)],
        [("../a.csv", CSV)],
        [("/etc/a.csv", CSV)],
        [("c:\\a.csv", CSV)],
        [],
        [("inner.zip", zipped(("a.csv", CSV)))],
        [(f"{n}.csv", b"") for n in range(1001)],
    ],
)
def test_archives_that_are_refused(tmp_path: Path, members: list[tuple[str, bytes]]) -> None:
    assert read(write(tmp_path, "f.zip", zipped(*members))).refused is not None


def test_an_archive_s_link_and_encrypted_member_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("a.csv")
    link.external_attr = 0o120777 << 16
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "no regular file" in refusal(read(write(tmp_path, "f.zip", target.getvalue())))[1]
    encrypted = bytearray(zipped(("a.csv", CSV)))
    encrypted[6] |= 1
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refusal(read(write(tmp_path, "f.zip", bytes(encrypted))))[1]


def test_one_endless_line_is_refused_in_flat_memory(tmp_path: Path) -> None:
    path = tmp_path / "line.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n1,2\n")
        # Sparse: 2 GB of NUL bytes.
        file.truncate(2_000_000_000)
    start = time.monotonic()
    reason, detail = refusal(read(path, Limits(memory_mb=256)))
    assert (reason, "max_row_bytes" in detail) == (Reason.TOO_LARGE, True)
    assert time.monotonic() - start < DEADLINE
    with path.open("wb") as file:
        file.truncate(2_000_000_000)
    assert refusal(read(path, Limits(memory_mb=256)))[0] == Reason.TOO_LARGE


def test_memory_limit(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_bytes(b'[{"a":1}' + b',{"a":1}' * 12_000_000 + b"]")
    reason, detail = refusal(read(path, Limits(memory_mb=300)))
    assert "memory_mb" in detail
    assert reason in (Reason.TOO_LARGE, Reason.UNEXPECTED_SHAPE)


def test_time_limits(tmp_path: Path) -> None:
    path = repeated(tmp_path / "f.csv", 64)
    # A fast machine reads all of it in 0.2 s.
    assert "limits.seconds" in refusal(read(path, Limits(seconds=0.02)))[1]
    assert "limits.stall_seconds" in refusal(read(path, Limits(stall_seconds=0.0001)))[1]
    # What the caller takes for itself is not the file's time.
    with closing(read_rows(path, path.name, ReadOptions(), Limits(seconds=10), 0)) as rows:
        next(rows)
        time.sleep(0.01)
        next(rows)


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.csv")
    (tmp_path / "link.csv").symlink_to("/etc/passwd")
    for name in ("fifo.csv", "link.csv", "."):
        assert refusal(read(tmp_path / name))[0] == Reason.UNSUPPORTED_FORMAT
    assert refusal(read(Path("/dev/null")))[0] == Reason.UNSUPPORTED_FORMAT
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "missing.csv")


def test_a_descriptor_is_read_from_its_start_and_stays_open(tmp_path: Path) -> None:
    with write(tmp_path, "f", CSV).open("rb") as file:
        file.seek(500)
        for _ in range(2):
            parts = list(read_rows(file.fileno(), "f.csv", ReadOptions(), Limits()))
            assert sum(part.table.height for part in parts) == 1000
        assert file.tell() == 500


def children(nursery: Nursery) -> list[psutil.Process]:
    return psutil.Process(nursery.pid).children()


def wait_until(check: object) -> None:
    end = time.monotonic() + DEADLINE
    while not check():  # type: ignore[operator]
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.005)


def test_closing_early_leaves_nothing_behind(tmp_path: Path) -> None:
    path = repeated(tmp_path / "f.csv", 32)
    with closing(Nursery()) as nursery:
        rows = read_rows(path, path.name, ReadOptions(), Limits(), nursery=nursery)
        next(rows)
        assert len(children(nursery)) == 1
        open_files = len(os.listdir("/proc/self/fd"))
        rows.close()
        wait_until(lambda: not children(nursery))
        assert len(os.listdir("/proc/self/fd")) == open_files - 2


def test_a_reader_that_dies_is_named_and_the_next_file_is_read(tmp_path: Path) -> None:
    path = repeated(tmp_path / "f.csv", 32)
    with closing(Nursery()) as nursery:
        rows = read_rows(path, path.name, ReadOptions(), Limits(), nursery=nursery)
        next(rows)
        children(nursery)[0].send_signal(signal.SIGSEGV)
        with pytest.raises(FileRefused, match="SIGSEGV"):
            list(rows)
        assert len(list(read_rows(path, path.name, ReadOptions(), Limits(), nursery=nursery))) > 1


def test_a_nursery_that_dies_takes_its_readers_along_and_is_started_again(tmp_path: Path) -> None:
    path = repeated(tmp_path / "f.csv", 32)
    with closing(Nursery()) as nursery:
        rows = read_rows(path, path.name, ReadOptions(), Limits(), nursery=nursery)
        next(rows)
        reader = children(nursery)[0]
        psutil.Process(nursery.pid).kill()
        with pytest.raises(ReaderLost):
            list(rows)
        wait_until(lambda: not reader.is_running())
        assert len(list(read_rows(path, path.name, ReadOptions(), Limits(), nursery=nursery))) > 1


def test_many_readers_at_once(tmp_path: Path) -> None:
    path = repeated(tmp_path / "f.csv", 8)
    readers = [read_rows(path, path.name, ReadOptions(), Limits()) for _ in range(8)]
    counts = [sum(part.table.height for part in turn) for turn in zip(*readers, strict=True)]
    assert all(count % 8 == 0 for count in counts)


def test_memory_is_flat(tmp_path: Path) -> None:
    path = repeated(tmp_path / "f.csv", 200)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    done: list[object] = []
    rows = 0
    for part in read_rows(path, path.name, ReadOptions(), Limits(), told=done.append):
        rows += part.table.height
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
    assert rows > 8_000_000
    assert growth < 100
    assert Read([], None, done).peak_mb < 250  # type: ignore[arg-type]
