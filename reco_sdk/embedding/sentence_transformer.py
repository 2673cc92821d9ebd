"""sentence-transformers in this process: one owner thread, batches of equal length.

Nothing here imports torch before the first text is embedded; fingerprint and dimension are read from the model's files.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from reco_sdk.embedding.checks import check_texts, check_vectors, unit_rows
from reco_sdk.embedding.model_folder import find_model, model_digest, model_dimension
from reco_sdk.embedding.torch_model import TorchModel
from reco_sdk.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from reco_sdk.types import Vectors

__all__ = ["SentenceTransformerEmbedder"]

DEFAULT_MODEL: Final = "all-MiniLM-L6-v2"

Precision = Literal["auto", "float32", "float16"]


class _Inherited:
    """Whether this process was forked from one that had torch, whose thread pools did not survive."""

    torch = False


def _after_fork_in_child() -> None:
    _Inherited.torch = _Inherited.torch or "torch" in sys.modules


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


class _Owner:
    """The one thread of one process that touches the model."""

    __slots__ = ("executor", "model")

    def __init__(self, model: TorchModel) -> None:
        # No thread starts before the first job.
        self.executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reco-embed")
        self.model = model


class SentenceTransformerEmbedder:
    """A sentence-transformers model, loaded on first use.

    Concurrent calls share one thread, batch by batch, so that a search query does not wait for a whole catalogue. After
    a fork, the child loads a model of its own; if the parent had torch, with one compute thread, since torch's own
    threads are dead there and waiting for them hangs.

    Parameters
    ----------
    model
        A folder, ``"all-MiniLM-L6-v2"`` (the installed copy if the extra ``model`` is there), or a name on the
        Hugging Face hub.
    device
        ``"cuda"``, ``"mps"``, ``"cpu"``; ``None`` takes the first of them that is there.
    batch_size
        Texts in one forward pass at most; long texts go in smaller batches.
    max_seq_length
        Tokens read from each text; ``None`` keeps the model's own.
    precision
        ``"auto"`` computes in half precision on a GPU, else in full. The two agree to about three digits, and share a
        fingerprint, so that vectors made on a GPU serve on a CPU; naming a precision makes it part of the fingerprint.
    threads
        Compute threads on a CPU; ``None`` leaves torch's choice.

    Raises
    ------
    ConfigError
        For a batch size, length, thread count or precision that cannot work. A missing model shows on first use.
    """

    def __init__(
        self,
        model: str | Path = DEFAULT_MODEL,
        *,
        device: str | None = None,
        batch_size: int = 64,
        max_seq_length: int | None = None,
        precision: Precision = "auto",
        threads: int | None = None,
    ) -> None:
        for name, value in (("batch_size", batch_size), ("max_seq_length", max_seq_length), ("threads", threads)):
            if value is not None and value < 1:
                raise ConfigError(f"SentenceTransformerEmbedder: {name} is {value}; give 1 or more")
        if precision not in {"auto", "float32", "float16"}:
            raise ConfigError(f"SentenceTransformerEmbedder: precision {precision!r} is unknown; use auto, float32 or float16")
        self._model = model
        self._device = device
        self._batch_size = batch_size
        self._max_seq_length = max_seq_length
        self._precision: Precision = precision
        self._threads = threads
        self._folder: Path | None = None
        self._fingerprint: str | None = None
        self._dimension: int | None = None
        # By process id: a child never finds its parent's.
        self._owners: dict[int, _Owner] = {}

    @property
    def folder(self) -> Path:
        """Where the model lies.

        Raises
        ------
        ModelNotFound
            When it is missing; the message says how to get it.
        """
        if self._folder is None:
            self._folder = find_model(self._model)
        return self._folder

    @property
    def fingerprint(self) -> str:
        """``st-1-<24 hex digits>`` of configuration, weights, length and precision; the same wherever the model lies.

        The first access reads the model's files (0.1 s for MiniLM).

        Raises
        ------
        ModelNotFound
            When it is missing.
        """
        if self._fingerprint is None:
            settings = f"{model_digest(self.folder)} length={self._max_seq_length} unit precision={self._precision}"
            self._fingerprint = f"st-1-{hashlib.sha256(settings.encode()).hexdigest()[:24]}"
        return self._fingerprint

    @property
    def dimension(self) -> int:
        """Length of the vectors, read from the model's files, or from the loaded model where they do not say.

        Raises
        ------
        ModelNotFound
            When it is missing.
        """
        if self._dimension is None:
            declared = model_dimension(self.folder)
            if declared is None:
                owner = self._owner()
                declared = owner.executor.submit(owner.model.dimension).result()
            self._dimension = declared
        return self._dimension

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 ``(len(texts), d)`` unit rows in the order of ``texts``.

        Equal texts are embedded once. Cancelling stops after the batch that is being computed.

        Raises
        ------
        ModelNotFound
            When the model is missing.
        MissingExtra
            When torch or sentence-transformers is not installed.
        EmbeddingError
            When the model fails, or answers with NaN or infinite values.
        """
        given = check_texts(texts)
        if self._folder is None:
            # A name may have to be downloaded: not on the loop.
            self._folder = await asyncio.to_thread(find_model, self._model)
        if not given:
            return np.empty((0, self.dimension), dtype=np.float32)
        owner = self._owner()
        distinct = list(dict.fromkeys(given))
        batches = await asyncio.wrap_future(owner.executor.submit(owner.model.plan, distinct, self._batch_size))
        rows: dict[str, int] = {}
        parts: list[Vectors] = []
        for batch in batches:
            chosen = [distinct[i] for i in batch]
            part = await asyncio.wrap_future(owner.executor.submit(owner.model.encode, chosen))
            for text in chosen:
                rows[text] = len(rows)
            parts.append(part)
        raw = check_vectors(np.concatenate(parts), len(distinct), self.dimension)
        return unit_rows(raw)[[rows[text] for text in given]]

    async def aclose(self) -> None:
        """Free the model after the batch that is being computed; the next :meth:`embed` loads it again."""
        owner = self._owners.pop(os.getpid(), None)
        if owner is not None:
            owner.executor.submit(owner.model.free)
            await asyncio.to_thread(owner.executor.shutdown)

    def _owner(self) -> _Owner:
        process = os.getpid()
        owner = self._owners.get(process)
        if owner is None:
            threads = 1 if _Inherited.torch else self._threads
            model = TorchModel(
                self.folder,
                device=self._device,
                max_seq_length=self._max_seq_length,
                precision=self._precision,
                threads=threads,
                inherited=_Inherited.torch,
            )
            # One of two racing callers wins; the other's has not started a thread.
            owner = self._owners.setdefault(process, _Owner(model))
        return owner
