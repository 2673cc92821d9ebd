"""A store by its URL."""

from __future__ import annotations

from typing import Final

from reco_sdk.errors import ConfigError
from reco_sdk.ports import Store
from reco_sdk.storage.memory import MemoryStore
from reco_sdk.storage.sqlite import SqliteStore

__all__ = ["open_store"]

_KNOWN: Final = "memory://, sqlite:///relative.sqlite3 or sqlite:////absolute/path.sqlite3"


def open_store(url: str) -> Store:
    """Return the store that a URL names; the caller awaits its ``open()``.

    Parameters
    ----------
    url
        ``memory://``, ``sqlite:///relative.sqlite3`` or ``sqlite:////absolute.sqlite3``. What follows the third slash
        is the path as it is written: nothing in it is decoded.

    Raises
    ------
    ConfigError
        For anything else.
    """
    scheme, mark, rest = url.partition("://")
    if not mark:
        raise ConfigError(f"store {url!r} is not a URL; use {_KNOWN}")
    if scheme == "memory" and rest in ("", "/"):
        return MemoryStore()
    if scheme == "sqlite":
        return SqliteStore(_sqlite_path(url, rest))
    if scheme in ("postgres", "postgresql"):
        raise ConfigError(f"PostgreSQL comes with the postgres extra in a later release; until then use {_KNOWN}")
    raise ConfigError(f"store {_without_secret(url)!r} is unknown; use {_KNOWN}")


def _sqlite_path(url: str, rest: str) -> str:
    path = rest.removeprefix("/")
    if not rest.startswith("/"):
        raise ConfigError(
            f"store {url!r} has two slashes; an SQLite path comes after the third, as in sqlite:///{rest or 'shop.sqlite3'}"
        )
    if path in ("", ":memory:"):
        raise ConfigError(f"store {url!r} names no file; use memory:// for a store without one")
    if "?" in path or "\x00" in path:
        raise ConfigError(f"store {url!r} carries options or a NUL character; an SQLite URL takes only a path")
    return path


def _without_secret(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://…{rest[rest.rindex('@') :]}" if "@" in rest else url
