"""What PostgreSQL's errors mean, and what mends them; never with a password in them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import parse_qs, urlsplit

from reco_sdk.errors import ConfigError, MissingExtra, StoreError, StoreUnavailable

__all__ = ["check_dsn", "check_installed", "shown", "translated"]

_LATER: Final = {
    "08": "the connection broke; nothing was half-written",
    "53100": "its disk is full; free some space, nothing was half-written",
    "53300": "it has no connection left; raise max_connections there, or run fewer processes",
    "53": "it lacks resources",
    "57014": "it took too long; find out what the server is busy with",
    "57": "it shuts down or starts",
    "55P03": "another transaction holds a lock for too long; find it in pg_stat_activity",
    "40": "another transaction was in the way; the same may work now",
    "25P03": "this process stood still in the middle of a write; nothing was half-written",
    "25006": "it takes no writes now: a standby, or set to read-only",
    "58": "its system failed; see its log",
}
_NEVER: Final = {
    "28": "it refuses this user or password; check the URL, and pg_hba.conf there",
    "3D000": "it has no such database; create it, or check the URL",
    "42P01": "the schema is not there; run `reco migrate`",
    "42703": "the schema is another one; run `reco migrate`",
    "42501": "this user lacks a right; grant it, or migrate as the owner",
}


def check_installed() -> None:
    """Refuse to go on without asyncpg.

    Raises
    ------
    MissingExtra
        When it is not installed.
    """
    if importlib.util.find_spec("asyncpg") is None:
        raise MissingExtra("asyncpg", "postgres")


def check_dsn(dsn: str) -> str:
    """Return a URL that can be read.

    Raises
    ------
    ConfigError
        When host and port are none; the URL itself is not told, since part of a password may stand there.
    """
    parts = urlsplit(dsn)
    ports = [host.rpartition("]")[2].partition(":")[2] for host in parts.netloc.rpartition("@")[2].split(",")]
    if "@" in parts.path or not all(port.isdigit() for port in ports if port):
        raise ConfigError(
            f"the {parts.scheme} URL cannot be read; percent-encode what is special in user and password (%40 for @)"
        )
    return dsn


def shown(dsn: str) -> str:
    """Return a URL for messages: where the database is, without user, password and options."""
    scheme, _, rest = dsn.partition("://")
    place, _, options = rest.rpartition("@")[2].partition("?")
    if place.startswith("/"):
        place = ",".join(parse_qs(options).get("host", ())) + place
    return f"{scheme}://{place}"


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn what asyncpg raises into an error of ours that names the database, the cause and the mend.

    Raises
    ------
    StoreUnavailable
        When the same may work later.
    StoreError
        When it will not.
    """
    import asyncpg  # noqa: PLC0415  optional, and not cheap

    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise _store_error(error, where) from error
    except (OSError, EOFError) as error:  # a timeout is an OSError too
        reason = str(error) or "no answer in time"
        raise StoreUnavailable(f"{where}: {reason}; check that the server runs and can be reached") from error


def _store_error(error: Exception, where: str) -> StoreError:
    text = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    code = getattr(error, "sqlstate", None)
    if code is None:  # asyncpg's own: a value that it cannot send, or a connection that broke in the middle
        if isinstance(error, ValueError | TypeError):
            return StoreError(f"{where}: {text}")
        return StoreUnavailable(f"{where}: {text}; the same may work later")
    for kind, mends in ((StoreUnavailable, _LATER), (StoreError, _NEVER)):
        mend = next((mends[code[:length]] for length in (5, 2) if code[:length] in mends), None)
        if mend:
            return kind(f"{where}: {text}; {mend}")
    return StoreError(f"{where}: {text} ({code})")
