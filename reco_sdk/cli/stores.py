"""The store that a command is about."""

from __future__ import annotations

from reco_sdk.config import Config
from reco_sdk.errors import ConfigError
from reco_sdk.storage.sqlite import SqliteStore
from reco_sdk.storage.urls import open_store

__all__ = ["need_store"]


def need_store(config: Config) -> None:
    """Refuse a file that is not there: a mistyped path should not make an empty shop.

    Raises
    ------
    ConfigError
        When the store is such a file.
    """
    store = open_store(config.store)
    if isinstance(store, SqliteStore) and not store.path.exists():
        raise ConfigError(
            f"there is no store at {store.path}; name it with --store, or begin with `reco import` or `reco migrate`"
        )
