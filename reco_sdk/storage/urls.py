"""A store by its URL."""

from __future__ import annotations

from typing import Final

from reco_sdk.errors import ConfigError
from reco_sdk.ports import Store
from reco_sdk.storage.memory import MemoryStore
from reco_sdk.storage.postgres import PostgresStore
from reco_sdk.storage.postgres.errors import shown
from reco_sdk.storage.sqlite import SqliteStore

__all__ = ["open_store", "public_url"]

_KNOWN: Final = "memory://, sqlite:///relative.sqlite3, sqlite:////absolute/path.sqlite3 or postgresql://user@host/database"


def open_store(url: str, *, listen_dsn: str = "") -> Store:
    """Return the store that a URL names; the caller awaits its ``open()``.

    Parameters
    ----------
    url
        ``memory://``, ``sqlite:///relative.sqlite3``, ``sqlite:////absolute.sqlite3`` or
        ``postgresql://user:password@host:port/database``. What follows an SQLite URL's third slash is the path as it is
        written: nothing in it is decoded.
    listen_dsn
        For PostgreSQL: a URL of the same database that leads past any pooler, to hear of changes at once.

    Raises
    ------
    ConfigError
        For anything else.
    MissingExtra
        When what the URL names needs a package that is not installed.
    """
    scheme, mark, rest = url.partition("://")
    if not mark:
        raise ConfigError(f"store {url!r} is not a URL; use {_KNOWN}")
    if scheme == "memory" and rest in ("", "/"):
        return MemoryStore()
    if scheme == "sqlite":
        return SqliteStore(_sqlite_path(url, rest))
    if scheme in ("postgres", "postgresql"):
        return PostgresStore(url, listen_dsn=listen_dsn)
    raise ConfigError(f"store {public_url(url)!r} is unknown; use {_KNOWN}")


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


def public_url(url: str) -> str:
    """Return a store's URL for people and logs: of a server's, only where it is, without user, password and options."""
    return url if url.startswith(("sqlite:", "memory:")) else shown(url)
