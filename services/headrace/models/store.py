"""Where artifacts lie: a folder of this machine, or of an object store through fsspec (extra `object_stores`)."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from headrace.errors import ConfigurationError, TransientError
from headrace.models.artifact_error import ArtifactError
from headrace.models.artifact_folder import MAX_BYTES, MAX_FILES, check_name

_BLOCK = 1 << 20


@contextmanager
def fetch(uri: str, scratch: Path) -> Iterator[Path]:
    """The folder at a URI; a copy in `scratch`, which is removed afterwards, where it is in an object store.

    Raises:
        ArtifactError: there is none, or it holds odd names, too many files or too much.
        TransientError: the store doesn't answer.
        ConfigurationError: no driver for the store is installed, or it refuses.
    """
    local = local_folder(uri)
    if local is not None:
        yield local
        return
    scratch.mkdir(parents=True, exist_ok=True)
    copy = Path(tempfile.mkdtemp(prefix="artifact-", dir=scratch))
    try:
        _copy(uri, copy)
        yield copy
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def local_folder(uri: str) -> Path | None:
    """The folder that a path or a `file:` address names; None for another address."""
    if "://" not in uri and not uri.startswith("file:"):
        return Path(uri)
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return None
    if parts.netloc not in ("", "localhost"):
        raise ArtifactError(f"{uri} names another machine: a `file:` address begins with `file:///`")
    return Path(unquote(parts.path))


def _copy(uri: str, target: Path) -> None:
    files, root = _file_system(uri)
    try:
        files.invalidate_cache()
        found = files.ls(root, detail=True)
    except FileNotFoundError as error:
        raise ArtifactError(f"there is no artifact at {uri}") from error
    except Exception as error:
        raise _translated(uri, error) from error
    found = [info for info in found if info["name"].rstrip("/") != root.rstrip("/")]
    if len(found) > MAX_FILES:
        raise ArtifactError(f"the artifact {uri} holds {len(found)} files, more than {MAX_FILES}")
    left = MAX_BYTES
    for info in found:
        name = PurePosixPath(info["name"]).name
        check_name(name)
        if info["type"] != "file":
            raise ArtifactError(f"{name!r} in {uri} is no plain file, and an artifact holds nothing else")
        left -= _copy_file(uri, files, info["name"], target / name, left)


def _copy_file(uri: str, files: Any, source: str, target: Path, left: int) -> int:
    size = 0
    try:
        with files.open(source, "rb") as opened, target.open("xb") as copy:
            while block := opened.read(_BLOCK):
                size += len(block)
                if size > left:
                    break
                copy.write(block)
    except Exception as error:
        raise _translated(uri, error) from error
    # What a store says of a size beforehand may be wrong.
    if size > left:
        raise ArtifactError(f"the artifact {uri} is larger than {MAX_BYTES >> 20} MB")
    return size


def _file_system(uri: str) -> tuple[Any, str]:
    try:
        import fsspec

        # A cached client would keep the credentials that it has read once, and expired ones with them.
        files, root = fsspec.url_to_fs(uri, skip_instance_cache=True)
    except ImportError as error:
        raise ConfigurationError(f"{uri} needs a driver: pip install 'headrace[object_stores]' ({error})") from error
    except ValueError as error:
        raise ConfigurationError(f"{uri} is no address that fsspec knows: {error}") from error
    return files, root


def _translated(uri: str, error: Exception) -> Exception:
    if isinstance(error, PermissionError):
        return ConfigurationError(f"the store refuses {uri}: check its credentials ({error})")
    return TransientError(f"the store of {uri} doesn't answer: {type(error).__name__}: {error}")
