"""The model itself. Every method runs in the owner thread of :mod:`reco_sdk.embedding.sentence_transformer`."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reco_sdk.errors import EmbeddingError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from reco_sdk.types import Vectors

__all__ = ["TorchModel", "no_bars", "quiet"]

# A forward pass pays per call when it is small, and for cache misses when it is large.
TOKENS_PER_BATCH: Final = {"cpu": 2_048, "cuda": 65_536, "mps": 16_384}
# Below this, threads wait for each other longer than they work: on a busy machine of two cores a query took 45 ms with
# one thread and 500 ms with two.
SMALL_BATCH_CHARS: Final = 1_000
_FAILURES: Final = (RuntimeError, ValueError, TypeError, OSError, LookupError, AttributeError, MemoryError)


class TorchModel:
    """A sentence-transformers model, loaded by the first method called.

    Parameters
    ----------
    folder
        Where it lies.
    device, max_seq_length, precision, threads
        As for the embedder.
    inherited
        Whether torch came with a fork: a GPU cannot be used then.
    """

    def __init__(
        self,
        folder: Path,
        *,
        device: str | None,
        max_seq_length: int | None,
        precision: str,
        threads: int | None,
        inherited: bool,
    ) -> None:
        self.folder = folder
        self.max_seq_length = max_seq_length
        self.precision = precision
        self.threads = threads
        self.inherited = inherited
        self.device = device or ""
        self._loaded: Any = None
        self._torch: Any = None

    def plan(self, texts: Sequence[str], batch_size: int) -> list[list[int]]:
        """Return row numbers in batches of about equal token counts, longest first.

        Padding is computed like any token, so texts of one length belong together.

        Raises
        ------
        EmbeddingError
            When the model cannot be loaded, or its tokenizer fails.
        """
        model = self._model()
        lengths = self._lengths(model, texts)
        budget = TOKENS_PER_BATCH.get(self.device.split(":")[0], TOKENS_PER_BATCH["cpu"])
        batches: list[list[int]] = []
        room = 0
        for row in np.argsort(-lengths, kind="stable").tolist():
            if not batches or len(batches[-1]) >= room:
                batches.append([])
                fitting = max(1, budget // max(1, int(lengths[row])))
                room = max(1, min(fitting, batch_size if self.device == "cpu" else max(batch_size, 256)))
            batches[-1].append(row)
        return batches

    def encode(self, texts: list[str]) -> Vectors:
        """Return float32 ``(len(texts), d)`` of one batch, not yet checked.

        Raises
        ------
        EmbeddingError
            When the model fails.
        """
        model = self._model()
        try:
            with self._few_threads(sum(map(len, texts)) <= SMALL_BATCH_CHARS):
                out = model.encode(
                    texts, batch_size=len(texts), show_progress_bar=False, convert_to_numpy=True, normalize_embeddings=False
                )
        except _FAILURES as error:
            raise EmbeddingError(
                f"the model in {self.folder} failed on a batch of {len(texts)} texts: {error}; try a smaller batch_size"
            ) from error
        return np.asarray(out, dtype=np.float32)

    def dimension(self) -> int:
        """Return the length of the vectors, by asking the model or trying it.

        Raises
        ------
        EmbeddingError
            When the model cannot be loaded.
        """
        return int(self.encode(["dimension"]).shape[1])

    def free(self) -> None:
        """Drop the model."""
        self._loaded = None

    def _lengths(self, model: Any, texts: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        limit = model.max_seq_length or 512
        try:
            ids = model.tokenizer(list(texts), add_special_tokens=True, truncation=True, max_length=limit)["input_ids"]
        except _FAILURES:
            # Models without a tokenizer of the usual kind: characters order them nearly as well.
            return np.array([min(limit, len(text) // 3 + 2) for text in texts], dtype=np.int64)
        return np.fromiter((len(row) for row in ids), np.int64, len(ids))

    def _model(self) -> Any:
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

    def _load(self) -> Any:
        with quiet():
            try:
                import torch  # noqa: PLC0415
                from sentence_transformers import SentenceTransformer  # noqa: PLC0415
            except ImportError as error:
                raise MissingExtra("sentence-transformers", "embed") from error
            self._torch = torch
            if self.threads is None:
                self.threads = torch.get_num_threads()
            else:
                # Before loading, which computes too: after a fork it would wait for threads that are dead.
                torch.set_num_threads(self.threads)
            with no_bars():
                try:
                    self.device = self.device or self._best_device(torch)
                    model = SentenceTransformer(str(self.folder), device=self.device, local_files_only=True)
                    if self.max_seq_length is not None:
                        model.max_seq_length = self.max_seq_length
                    on_gpu = not self.device.startswith("cpu")
                    if self.precision == "float16" or (self.precision == "auto" and on_gpu):
                        model = model.half()
                    model.eval()
                except _FAILURES as error:
                    raise EmbeddingError(
                        f"the model in {self.folder} cannot be loaded on {self.device or 'any device'}: {error}; "
                        "check that the folder is whole, or name another device"
                    ) from error
        return model

    @contextmanager
    def _few_threads(self, small: bool) -> Iterator[None]:
        """Compute with one thread if ``small``; part of torch's setting is global, so it is put back."""
        if not small or self._torch is None or not self.device.startswith("cpu") or self.threads == 1:
            yield
            return
        self._torch.set_num_threads(1)
        try:
            yield
        finally:
            self._torch.set_num_threads(self.threads)

    def _best_device(self, torch: Any) -> str:
        if self.inherited:
            return "cpu"
        if torch.cuda.is_available():
            return "cuda"
        if torch.backends.mps.is_available():
            return "mps"
        return "cpu"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what these libraries warn about at import and load out of the caller's log."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def no_bars() -> Iterator[None]:
    """Keep the library from drawing its own progress bars, and leave its setting as it was."""
    from transformers.utils import logging as its_logging  # noqa: PLC0415

    logging: Any = its_logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
