"""Where things are kept: the store's address, the snapshots' folder, the database of the dirty marks."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS

from django_reco.conf import Settings
from django_reco.dsn import postgres_url
from reco_sdk.config import Config

__all__ = ["beside_project", "engine_config", "in_memory", "is_inline", "shares_database", "sqlite_file", "store_url"]


def _sqlite_name(alias: str) -> str:
    database: dict[str, Any] = settings.DATABASES.get(alias, {})
    return str(database.get("NAME", "")) if str(database.get("ENGINE", "")).endswith("sqlite3") else ""


def in_memory(alias: str = DEFAULT_DB_ALIAS) -> bool:
    """Whether a database is SQLite in memory, as a test's mostly is: no other thread or process may look at it."""
    name = _sqlite_name(alias)
    return ":memory:" in name or "mode=memory" in name


def is_inline(config: Settings) -> bool:
    """Whether the recommender works in line with each request instead of in a thread beside them."""
    return config.mode == "inline" or in_memory()


def sqlite_file(alias: str = DEFAULT_DB_ALIAS) -> Path | None:
    """Return the file of an SQLite database; ``None`` for another engine and for one in memory."""
    name = _sqlite_name(alias)
    if not name or in_memory(alias):
        return None
    return Path(name.removeprefix("file:").partition("?")[0]).absolute()


def beside_project() -> Path:
    """Return the folder of what has no better place: ``BASE_DIR``, else the current one."""
    return Path(getattr(settings, "BASE_DIR", None) or Path.cwd()).absolute()


def store_url(config: Settings) -> str:
    """Return the address of the store."""
    if config.store:
        return config.store
    if is_inline(config):
        return "memory://"
    # On any other engine, or without asyncpg, a file of our own.
    found = postgres_url() if importlib.util.find_spec("asyncpg") else ""
    return found or f"sqlite:///{sqlite_file() or beside_project() / 'reco.sqlite3'}"


def shares_database(config: Settings) -> bool:
    """Whether the store lives in the default database itself."""
    url = store_url(config)
    file = sqlite_file()
    return url == f"sqlite:///{file}" if file is not None else bool(url) and url == postgres_url()


def _state_beside_project(config: Settings) -> str:
    """Return where snapshots lie when the store is no file: the same place whatever folder a process was started in."""
    return str(beside_project() / "reco.state") if store_url(config).startswith(("postgres://", "postgresql://")) else ""


def engine_config(config: Settings, *, embeds: bool, command: bool = False) -> Config:
    """Return the settings of the recommender itself.

    Parameters
    ----------
    config
        ``settings.RECO``.
    embeds
        Whether this process may load the text model. One that costs no torch is always allowed.
    command
        Whether it runs once and builds the snapshot itself, so that nothing is to happen in the background.
    """
    light = config.model == "hashing" or config.model.startswith(("http://", "https://"))
    # A shop runs several processes, and each would hold a graph of its own.
    given = {"graph": False, **config.config}
    if is_inline(config) and not command:
        model = config.model if light else "hashing"
        given = {"flush_interval_seconds": 3_600.0, **given}
    else:
        model = config.model if embeds or light else ""
    if command:
        given = {**given, "delta_limit": 1_000_000_000}
    return Config(
        # What a test does goes nowhere near the store that the settings name.
        store="memory://" if in_memory() and config.mode != "inline" and not command else store_url(config),
        state_dir=config.state_dir or _state_beside_project(config),
        model=model,
        deadline_ms=config.deadline_ms,
        cache_ttl_seconds=config.cache_ttl_seconds,
        listen_dsn=(config.listen_dsn or store_url(config)) if config.mode == "listen" and not command else "",
        poll_interval_seconds=86_400.0 if command else config.poll_seconds,
        **given,
    )
