"""Where things are kept: the store's address, the snapshots' folder, the database of the dirty marks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS

from django_reco.conf import Settings
from reco_sdk.config import Config

__all__ = ["beside_project", "engine_config", "shares_database", "sqlite_file", "state_dir", "store_url"]


def sqlite_file(alias: str = DEFAULT_DB_ALIAS) -> Path | None:
    """Return the file of an SQLite database; ``None`` for another engine and for one in memory."""
    database: dict[str, Any] = settings.DATABASES.get(alias, {})
    name = str(database.get("NAME", ""))
    if not str(database.get("ENGINE", "")).endswith("sqlite3") or not name or ":memory:" in name or "mode=memory" in name:
        return None
    return Path(name.removeprefix("file:").partition("?")[0]).absolute()


def beside_project() -> Path:
    """Return the folder of what has no better place: ``BASE_DIR``, else the current one."""
    return Path(getattr(settings, "BASE_DIR", None) or Path.cwd()).absolute()


def store_url(config: Settings) -> str:
    """Return the address of the store."""
    if config.store:
        return config.store
    if config.mode == "inline":
        return "memory://"
    return f"sqlite:///{sqlite_file() or beside_project() / 'reco.sqlite3'}"


def shares_database(config: Settings) -> bool:
    """Whether the store lives in the default database's own file."""
    file = sqlite_file()
    return file is not None and store_url(config) == f"sqlite:///{file}"


def state_dir(config: Settings) -> str:
    """Return the folder of the snapshots; empty where the store decides."""
    return config.state_dir


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
    given = dict(config.config)
    if config.mode == "inline":
        model = config.model if light else "hashing"
        given = {"flush_interval_seconds": 3_600.0, **given}
    else:
        model = config.model if embeds or light else ""
    if command:
        given = {**given, "delta_limit": 1_000_000_000}
    return Config(
        store=store_url(config),
        state_dir=state_dir(config),
        model=model,
        deadline_ms=config.deadline_ms,
        cache_ttl_seconds=config.cache_ttl_seconds,
        poll_interval_seconds=86_400.0 if command else config.poll_seconds,
        **given,
    )
