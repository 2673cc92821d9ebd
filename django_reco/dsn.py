"""Django's settings of a PostgreSQL database → the URL by which asyncpg finds the same one."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote, urlencode

from django.db import DEFAULT_DB_ALIAS, connections

__all__ = ["postgres_url"]

# What psycopg and asyncpg both understand; what else stands in OPTIONS is Django's or psycopg's own.
_SHARED: Final = ("sslmode", "sslcert", "sslkey", "sslrootcert", "sslpassword", "target_session_attrs", "passfile")


def postgres_url(alias: str = DEFAULT_DB_ALIAS) -> str:
    """Return the URL of a database, empty when it is not PostgreSQL.

    Read from the connection's own settings, which name the test database while tests run; nothing is connected. A service
    file (``OPTIONS["service"]``) is psycopg's alone: name ``RECO["STORE"]`` then.
    """
    connection: Any = connections[alias]
    if connection.vendor != "postgresql":
        return ""
    given: dict[str, Any] = connection.settings_dict
    host, port = str(given.get("HOST") or ""), str(given.get("PORT") or "")
    options = {name: str(value) for name in _SHARED if (value := given.get("OPTIONS", {}).get(name))}
    user = quote(str(given.get("USER") or ""), safe="")
    password = quote(str(given.get("PASSWORD") or ""), safe="")
    who = f"{user}:{password}@" if password else f"{user}@" if user else ""
    # A folder is that of a socket; a list of hosts, or an IPv6 address, has no place in front of the path either.
    plain = host and not host.startswith("/") and "," not in host and ":" not in host
    if host and not plain:
        options["host"] = host
        if port:
            options["port"] = port
    where = f"{host}:{port}" if plain and port else host if plain else ""
    query = f"?{urlencode(options, safe='/')}" if options else ""
    return f"postgresql://{who}{where}/{quote(str(given.get('NAME') or ''), safe='')}{query}"
