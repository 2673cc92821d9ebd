"""A source as a local file: a path as it is, an http(s) address downloaded into a temporary file first.

The download is not parsed while it runs: a slow store would hold the server's connection open, Parquet needs to
seek, and a connection that breaks should be known before the first row is stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from reco_sdk.errors import ImportRefused, MissingExtra

if TYPE_CHECKING:
    import aiohttp

    from reco_sdk.importing.options import ImportOptions

__all__ = ["LocalSource", "is_url", "local_source"]

_CHUNK: Final = 2**20


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A file to read.

    Parameters
    ----------
    name
        As given, without a user name or password; for messages.
    place
        Where it comes from, absolute: names the checkpoint.
    identity
        Changes when the content does.
    path
        Of the file on this machine.
    """

    name: str
    place: str
    identity: str
    path: Path


def is_url(source: str) -> bool:
    """Whether ``source`` is an http(s) address."""
    return source.lower().startswith(("http://", "https://"))


@contextlib.asynccontextmanager
async def local_source(
    source: str | os.PathLike[str], options: ImportOptions, progress: Callable[[int, int], None] | None = None
) -> AsyncIterator[LocalSource]:
    """Yield ``source`` as a local file; a download is deleted at the end.

    Parameters
    ----------
    progress
        Called with the bytes received and the bytes announced (0 when unknown).

    Raises
    ------
    ImportRefused
        When there is no such file, or the server does not deliver.
    """
    name = os.fspath(source)
    if not is_url(name):
        yield _file(name)
        return
    with tempfile.TemporaryDirectory(prefix="reco-import-") as folder:
        path = Path(folder) / "download"
        digest = await _download(name, path, options, progress)
        shown = _without_secrets(name)
        yield LocalSource(name=shown, place=shown, identity=digest, path=path)


def _file(name: str) -> LocalSource:
    path = Path(name).expanduser()
    try:
        path = path.resolve(strict=True)
        status = path.stat()
    except (OSError, ValueError) as error:
        raise ImportRefused(f"{name}: cannot be opened ({_reason(error)}); check the path") from error
    if path.is_dir():
        raise ImportRefused(f"{name}: is a folder; name one file in it")
    return LocalSource(name=name, place=str(path), identity=f"{status.st_size}:{status.st_mtime_ns}", path=path)


def _reason(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))


async def _download(url: str, path: Path, options: ImportOptions, progress: Callable[[int, int], None] | None) -> str:
    try:
        import aiohttp  # noqa: PLC0415 - optional, and slow to import
    except ImportError as error:
        raise MissingExtra("aiohttp", "import") from error
    shown = _without_secrets(url)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=options.timeout_seconds, sock_read=options.timeout_seconds)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            if response.status != 200:
                raise ImportRefused(f"{shown}: the server answered {response.status} {response.reason}; check the address")
            return await _save(response, path, options.max_bytes, progress)
    except aiohttp.InvalidURL as error:
        raise ImportRefused(f"{shown}: is not a valid address") from error
    except TimeoutError as error:
        raise ImportRefused(f"{shown}: nothing came for {options.timeout_seconds:g} s; try again, or allow more time") from error
    except aiohttp.ClientError as error:
        raise ImportRefused(f"{shown}: the download broke ({_reason(error)}); nothing was stored, try again") from error
    except OSError as error:
        raise ImportRefused(f"{shown}: cannot be saved for reading ({_reason(error)}); check the temporary folder") from error


async def _save(response: aiohttp.ClientResponse, path: Path, max_bytes: int, progress: Callable[[int, int], None] | None) -> str:
    digest = hashlib.sha256()
    received = 0
    announced = response.content_length or 0
    with path.open("wb") as out:
        async for chunk in response.content.iter_chunked(_CHUNK):
            received += len(chunk)
            if received > max_bytes:
                raise ImportRefused(f"{_without_secrets(str(response.url))}: is larger than {max_bytes:,} bytes; allow more")
            digest.update(chunk)
            await asyncio.to_thread(out.write, chunk)
            if progress is not None:
                progress(received, announced)
    return digest.hexdigest()
