"""A bucket or folder of an object store, through fsspec: what lies there, and copies of it."""

import asyncio
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

from headrace.errors import ConfigurationError, TransientError

_BLOCK = 1 << 20
_FREE_BYTES = 1 << 30
"""Of the disk that stay free."""
_IDENTITIES = ("ETag", "etag", "generation", "md5", "content_md5", "LastModified", "mtime", "created")
"""What stores call that which changes with an object's content, the best first."""


class ObjectChanged(Exception):
    """It was replaced while it was copied: at the next look it is another object."""


@dataclass(frozen=True)
class StoredObject:
    """Attributes:
    path: in the store, without its scheme.
    name: below the URL, as it is shown.
    identity: changes with the content.
    size: bytes.
    """

    path: str
    name: str
    identity: str
    size: int


class ObjectStore:
    """Objects under one URL, such as `s3://exports/daily/`.

    Args:
        options: of fsspec's file system, with secrets in their places.
    """

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self._url = url
        self._options = dict(options)

    def objects(self) -> list[StoredObject]:
        """All objects there now, also those in folders, by name.

        Raises:
            TransientError: the store does not answer.
            ConfigurationError: it refuses, there is no such bucket, or no driver for the scheme is installed.
        """
        try:
            files, root = self._files()
            # What others wrote since the last look counts.
            files.invalidate_cache()
            found = files.find(root, detail=True)
        except Exception as error:
            raise _translated(self._url, error) from error
        kept = (info for path, info in sorted(found.items()) if not path.endswith("/"))
        return [_stored(info, root) for info in kept]

    def copy(self, wanted: StoredObject, target: Path) -> None:
        """Copies an object into a new file.

        Raises:
            ObjectChanged: it is not any more what was seen.
            TransientError: the store does not answer, or the disk is nearly full.
            ConfigurationError: it refuses.
        """
        if shutil.disk_usage(target.parent).free < wanted.size + _FREE_BYTES:
            raise TransientError(f"{target.parent} has no room for {wanted.name} of {wanted.size:,} bytes")
        try:
            files, root = self._files()
            with files.open(wanted.path, "rb", block_size=_BLOCK * 4) as source, target.open("xb") as copy:
                shutil.copyfileobj(source, copy, _BLOCK)
                copy.flush()
                os.fsync(copy.fileno())
            files.invalidate_cache()
            now = _stored(files.info(wanted.path), root)
        except FileNotFoundError as error:
            target.unlink(missing_ok=True)
            raise ObjectChanged(wanted.name) from error
        except Exception as error:
            target.unlink(missing_ok=True)
            raise _translated(self._url, error) from error
        if (now.identity, target.stat().st_size) != (wanted.identity, wanted.size):
            target.unlink()
            raise ObjectChanged(wanted.name)

    def _files(self) -> tuple[Any, str]:
        files, root = fsspec.core.url_to_fs(self._url, **self._options)
        return files, root.rstrip("/")


def _stored(info: Mapping[str, Any], root: str) -> StoredObject:
    path = str(info["name"])
    size = int(info.get("size") or 0)
    mark = next((str(info[name]) for name in _IDENTITIES if info.get(name)), "")
    return StoredObject(path, path.removeprefix(root).lstrip("/"), f"{mark.strip(chr(34))}/{size}", size)


def _translated(url: str, error: Exception) -> Exception:
    if isinstance(error, ImportError):
        return ConfigurationError(f"{url} needs a package: pip install s3fs, gcsfs or adlfs, by its scheme ({error})")
    if isinstance(error, PermissionError | FileNotFoundError):
        return ConfigurationError(f"{url} can't be read: {error or type(error).__name__}")
    if isinstance(error, TypeError):
        return ConfigurationError(f"{url}: an option is not known there: {error}")
    with suppress(AttributeError):
        # botocore's errors: a code that only a person can mend.
        code = str(error.response["Error"]["Code"])  # type: ignore[attr-defined]
        if code in ("NoSuchBucket", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403", "401"):
            return ConfigurationError(f"{url} can't be read: {code}")
    if isinstance(error, OSError | asyncio.TimeoutError) or type(error).__module__.split(".")[0] in _DRIVERS:
        return TransientError(f"{url} does not answer: {error or type(error).__name__}")
    return error


_DRIVERS = ("botocore", "aiobotocore", "aiohttp", "s3fs", "gcsfs", "adlfs", "azure", "fsspec")
