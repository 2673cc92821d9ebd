"""Wiring: the one place that names concrete classes."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import secrets
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reco_sdk.blocking import BlockingRecommender
from reco_sdk.config import Config
from reco_sdk.errors import ConfigError
from reco_sdk.interactions.counts import counts_folder
from reco_sdk.items.text import DEFAULT_RECIPE, TextRecipe
from reco_sdk.ports import Clock, Embedder, Store
from reco_sdk.recommender import CoreRecommender
from reco_sdk.retraining import Trainer
from reco_sdk.snapshot.publisher import SnapshotFolder
from reco_sdk.storage.memory import MemoryStore
from reco_sdk.storage.sqlite import SqliteStore
from reco_sdk.storage.times import SystemClock
from reco_sdk.storage.urls import open_store
from reco_sdk.worker import Worker

__all__ = ["Recommender", "SystemClock", "make_embedder", "make_worker"]

logger = logging.getLogger(__name__)


def make_embedder(config: Config) -> Embedder | None:
    """Return the embedder that ``config.model`` names.

    A name or folder needs sentence-transformers; where that is not installed there is none, and it says so.
    """
    if not config.model:
        return None
    if config.model == "hashing":
        from reco_sdk.embedding.hashing import HashingEmbedder  # noqa: PLC0415 -- only where it is asked for

        return HashingEmbedder()
    if config.model.startswith(("http://", "https://")):
        from reco_sdk.embedding.remote import RemoteEmbedder  # noqa: PLC0415 -- needs aiohttp

        return RemoteEmbedder(config.model)
    if importlib.util.find_spec("sentence_transformers") is None:
        logger.warning("sentence-transformers is not installed: no text is embedded here; pip install 'reco-sdk[embed]'")
        return None
    from reco_sdk.embedding.sentence_transformer import SentenceTransformerEmbedder  # noqa: PLC0415 -- imports torch when used

    return SentenceTransformerEmbedder(config.model, device=config.device or None)


def make_worker(config: Config, *, embedder: Embedder | None = None, recipe: TextRecipe = DEFAULT_RECIPE) -> Worker:
    """Return a worker over the store and the state folder that ``config`` names, not started.

    Raises
    ------
    ConfigError
        For a setting that cannot work, and for a store in memory, which no other process can see.
    """
    store = open_store(config.store, listen_dsn=config.listen_dsn)
    state = _state_folder(config, config.store, store)
    if state is None:
        raise ConfigError("a worker needs a store that other processes can open; name one with --store or RECO_STORE")
    from reco_sdk.learning.apart import TrainingApart  # noqa: PLC0415 -- what serves needs none of it

    clock = SystemClock()
    trainer: Trainer = TrainingApart(config, state, recipe)
    if not TrainingApart.travels(recipe):
        from reco_sdk.learning.run import train  # noqa: PLC0415 -- nor does a worker that trains apart

        trainer = partial(train, store, SnapshotFolder(state), config, recipe=recipe, clock=clock)
    return Worker(
        store,
        config,
        state,
        embedder=make_embedder(config) if embedder is None else embedder,
        recipe=recipe,
        clock=clock,
        trainer=trainer,
    )


def _state_folder(config: Config, url: str, store: Store) -> Path | None:
    """Return the folder that the processes of this host share, ``None`` for a store that they do not."""
    if isinstance(store, SqliteStore):
        return config.state_path(store.path)
    if isinstance(store, MemoryStore):
        return config.state_path(None)
    return config.state_path(Path.cwd() / (Path(urlsplit(url).path).name or "shop"))


class Recommender(CoreRecommender):
    """Recommendations over a store, from memory.

    Examples
    --------
    >>> async with Recommender.open("memory://", config=Config(model="hashing")) as reco:  # doctest: +SKIP
    ...     await reco.upsert_items([Item(id="sku-1", title="Red linen dress")])
    ...     slate = await reco.similar_items("sku-1", n=8)
    """

    _temporary: Path | None = None

    @classmethod
    def open(
        cls,
        url: str | None = None,
        *,
        config: Config | None = None,
        embedder: Embedder | None = None,
        recipe: TextRecipe = DEFAULT_RECIPE,
        clock: Clock | None = None,
        **settings: Any,
    ) -> Recommender:
        """Return a recommender to be entered with ``async with``; nothing happens before that.

        Parameters
        ----------
        url
            ``memory://``, ``sqlite:///relative.sqlite3`` or ``sqlite:////absolute.sqlite3``; default: ``config.store``.
        config
            Settings; default: :meth:`Config.from_env`.
        embedder
            Texts to vectors; default: what ``config.model`` names.
        recipe
            Item to text.
        clock
            Where time comes from.
        **settings
            Single settings of :class:`Config` that win over ``config``.

        Raises
        ------
        ConfigError
            For a setting or URL that cannot work.
        """
        config = Config.from_env(**settings) if config is None else config.with_settings(**settings)
        url = config.store if url is None else url
        store = open_store(url, listen_dsn=config.listen_dsn)
        state = _state_folder(config, url, store)
        # Made by the first snapshot, if there is one, and removed at the end: the store is gone then.
        temporary = Path(tempfile.gettempdir()) / f"reco-{secrets.token_hex(8)}" if state is None else None
        recommender = cls(
            store,
            config,
            state or temporary or Path(),
            embedder=make_embedder(config) if embedder is None else embedder,
            recipe=recipe,
            clock=clock or SystemClock(),
            counts=None if state is None else counts_folder(state),
        )
        recommender._temporary = temporary
        return recommender

    async def aclose(self) -> None:
        """Write what waits and let go of everything; idempotent."""
        await super().aclose()
        if self._temporary is not None:
            await asyncio.to_thread(shutil.rmtree, self._temporary, ignore_errors=True)

    @classmethod
    def open_blocking(
        cls,
        url: str | None = None,
        *,
        config: Config | None = None,
        embedder: Embedder | None = None,
        recipe: TextRecipe = DEFAULT_RECIPE,
        clock: Clock | None = None,
        **settings: Any,
    ) -> BlockingRecommender:
        """Return the same without ``await``, for ``with``; see :meth:`open`."""
        return BlockingRecommender(
            lambda: cls.open(url, config=config, embedder=embedder, recipe=recipe, clock=clock, **settings)
        )
