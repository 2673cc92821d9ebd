"""Full fine-tuning of a sentence-transformers model by pairs of texts, with the library's own trainer.

Each text is to be nearer to its partner than to the partners of the others in its batch (Henderson et al., 2017: multiple
negatives ranking, an InfoNCE over the batch). Everything of a run lies in its folder, so that one that was ended goes on from its
last checkpoint::

    OUT/
        pairs.json          what is trained: another run in the same folder is refused
        checkpoints/        the trainer's; removed in the end
        modules.json, …     the model, as soon as it is whole: the folder is what ``RECO_MODEL`` names
        finetuned.json      how it came to be
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from reco_sdk.embedding.model_folder import find_model, model_digest
from reco_sdk.embedding.torch_model import no_bars, quiet
from reco_sdk.errors import EmbeddingError, InvalidInput, MissingExtra

__all__ = ["FinetuneSettings", "Finetuned", "Plan", "finetune", "plan_finetuning"]

RESULT: Final = "finetuned.json"
_BEGUN: Final = "pairs.json"
_CHECKPOINTS: Final = "checkpoints"
_MODEL: Final = ".model"
_TRIED: Final = 2
_FAILURES: Final = (RuntimeError, ValueError, TypeError, OSError, LookupError, AttributeError, MemoryError)

Pairs = Sequence[tuple[str, str]]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class FinetuneSettings:
    """How a model is fine-tuned.

    Parameters
    ----------
    epochs
        How often each pair is shown.
    batch_size
        Pairs at once; every pair's negatives are the others of its batch.
    learning_rate
        Of AdamW, after a warm-up of a tenth of the steps.
    save_steps
        Steps from one checkpoint to the next.
    scale
        What cosines are multiplied with: the inverse of a temperature.
    seed
        For all that is drawn by lot.
    """

    epochs: float = 1.0
    batch_size: int = 64
    learning_rate: float = 2e-5
    save_steps: int = 200
    scale: float = 20.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate", "save_steps", "scale"):
            if not getattr(self, name) > 0:
                raise InvalidInput(name, f"{getattr(self, name)!r} is not above 0")
        if self.batch_size < 2:
            raise InvalidInput("batch_size", "1 leaves nothing to tell a pair from; 64 is usual")

    def steps(self, pairs: int) -> int:
        """Return how many steps so many pairs take; a last batch that is not full is left out, if there is another."""
        return max(int(self.epochs * max(pairs // self.batch_size, 1)), 1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would come to.

    Parameters
    ----------
    pairs, held, steps
        Pairs that are learnt, pairs that are held back, steps of training.
    done
        Steps that an earlier run in the same folder has made.
    seconds
        What is left of it takes about so long here, by a few steps that were tried; ``None`` where none was.
    """

    pairs: int
    held: int
    steps: int
    done: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Finetuned:
    """What a run came to.

    Parameters
    ----------
    folder
        Of the model.
    steps, resumed
        How many steps it was trained, and how many of them by runs before this one.
    before, after
        How often a held-back text's partner is the nearest of all held-back partners, by the model that was there and by
        the new one.
    seconds
        This run.
    """

    folder: Path
    steps: int
    resumed: int
    before: float
    after: float
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return {**asdict(self), "folder": str(self.folder)}


def plan_finetuning(
    model: str | Path, pairs: Pairs, held: Pairs, out: Path, settings: FinetuneSettings, *, tried: int = _TRIED
) -> Plan:
    """Say what a run would come to; the model is loaded and tried, and nothing is written.

    Raises
    ------
    InvalidInput
        When there are too few pairs, or the folder holds another run.
    EmbeddingError
        When the model cannot be loaded.
    MissingExtra
        Without the trainer.
    """
    folder = find_model(model)
    _check(pairs, out, _key(folder, pairs, settings))
    steps, done = settings.steps(len(pairs)), _step(_last_checkpoint(out / _CHECKPOINTS))
    if not tried:
        return Plan(len(pairs), len(held), steps, done, None)
    library = _Library.load()
    torch, loaded = library.torch, _load(folder)
    loss = library.loss(loaded, scale=settings.scale)
    batch = list(pairs[: settings.batch_size])
    took = []
    for _ in range(tried + 1):  # the first one warms up
        started = time.perf_counter()
        loss([_tokens(loaded, side) for side in zip(*batch, strict=True)], torch.zeros(len(batch))).backward()
        took.append(time.perf_counter() - started)
    return Plan(len(pairs), len(held), steps, done, min(took) * (steps - done) * settings.batch_size / len(batch))


def finetune(
    model: str | Path,
    pairs: Pairs,
    held: Pairs,
    out: Path,
    settings: FinetuneSettings | None = None,
    *,
    progress: Progress | None = None,
) -> Finetuned:
    """Fine-tune a model, or go on with a run that was ended.

    Parameters
    ----------
    model
        As of :func:`~reco_sdk.embedding.model_folder.find_model`.
    pairs
        Texts that belong together, in an order that does not change from run to run.
    held
        Others, which say whether it helped.
    out
        A folder: new, empty, or of a run that was ended.
    progress
        Called with a stage, steps done and steps in all.

    Raises
    ------
    InvalidInput
        When there are too few pairs, or the folder holds something else.
    EmbeddingError
        When the model cannot be loaded or trained.
    MissingExtra
        Without the trainer.
    """
    settings = settings or FinetuneSettings()
    folder = find_model(model)
    key = _key(folder, pairs, settings)
    _check(pairs, out, key)
    library = _Library.load()
    started = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    (out / _BEGUN).write_text(json.dumps(key, indent=2) + "\n", encoding="utf-8")
    checkpoint = _last_checkpoint(out / _CHECKPOINTS)
    try:
        loaded = _load(folder)
        before = _hits(loaded, held)
        trainer = library.trainer(loaded, pairs, out / _CHECKPOINTS, settings, progress)
        with quiet(), no_bars():
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        steps = int(trainer.state.global_step)
        trained = trainer.model
        after = _hits(trained, held)
        made = Finetuned(out, steps, _step(checkpoint), before, after, round(time.perf_counter() - started, 1))
        _write(trained, out, {**made.to_dict(), "from": str(model), **key})
    except _FAILURES as error:
        if isinstance(error, InvalidInput):
            raise
        raise EmbeddingError(
            f"fine-tuning the model in {folder} failed: {error}; the same command goes on from its last checkpoint"
        ) from error
    return made


def _write(model: Any, out: Path, facts: dict[str, Any]) -> None:
    """Put the model where it is to lie: whole before it is seen, ``modules.json`` last."""
    shutil.rmtree(out / _MODEL, ignore_errors=True)
    with quiet(), no_bars():
        model.save(str(out / _MODEL), create_model_card=False)
    for path in sorted((out / _MODEL).iterdir(), key=lambda path: path.name == "modules.json"):
        target = out / path.name
        if target.is_dir():
            shutil.rmtree(target)
        path.replace(target)
    (out / _MODEL).rmdir()
    (out / RESULT).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(out / _CHECKPOINTS, ignore_errors=True)
    (out / _BEGUN).unlink()


def _key(folder: Path, pairs: Pairs, settings: FinetuneSettings) -> dict[str, Any]:
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(json.dumps(list(pair)).encode())
    return {"model": model_digest(folder), "pairs": digest.hexdigest(), "settings": asdict(settings)}


def _check(pairs: Pairs, out: Path, key: dict[str, Any]) -> None:
    if len(pairs) < 2:
        raise InvalidInput("pairs", f"are {len(pairs)}: nothing went together often enough to learn from")
    if out.exists() and not out.is_dir():
        raise InvalidInput("out", f"{out} is a file; name a folder")
    if not out.is_dir() or not any(out.iterdir()):
        return
    try:
        begun = json.loads((out / _BEGUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        begun = None
    if begun != key:
        what = "holds something else" if begun is None else "was begun with other pairs, another model or other settings"
        raise InvalidInput("out", f"{out} {what}; name another folder, or empty it")


def _last_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint that is whole: the trainer writes its state last."""
    whole = [path for path in folder.glob("checkpoint-*") if (path / "trainer_state.json").is_file()]
    return max(whole, key=_step, default=None)


def _step(checkpoint: Path | None) -> int:
    return 0 if checkpoint is None else int(checkpoint.name.rpartition("-")[2])


def _load(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - an extra, and slow to load

    with quiet(), no_bars():
        try:
            return SentenceTransformer(str(folder), local_files_only=True)
        except _FAILURES as error:
            raise EmbeddingError(f"the model in {folder} cannot be loaded: {error}; check that the folder is whole") from error


def _tokens(model: Any, texts: Sequence[str]) -> dict[str, Any]:
    """Return what a model makes of texts, on its device; the library has renamed how."""
    made = getattr(model, "preprocess", model.tokenize)(list(texts))
    return {name: value.to(model.device) if hasattr(value, "to") else value for name, value in made.items()}


def _hits(model: Any, held: Pairs) -> float:
    """Return how often the nearest partner is one's own; texts that are the same are each other's."""
    if not held:
        return 0.0
    with quiet(), no_bars():
        ours, theirs = (
            np.asarray(model.encode(list(side), show_progress_bar=False, normalize_embeddings=True), np.float32)
            for side in zip(*held, strict=True)
        )
    texts = np.asarray([text for _, text in held])
    nearest = (ours @ theirs.T).argmax(axis=1)
    return float((texts[nearest] == texts).mean())


@dataclass(frozen=True, slots=True)
class _Library:
    """What is used of the libraries, loaded once it is needed."""

    torch: Any
    package: Any
    loss: Any
    callback: Any
    printer: Any
    dataset: Any

    @classmethod
    def load(cls) -> _Library:
        with quiet(), no_bars():
            try:
                import accelerate  # noqa: F401, PLC0415 - an extra; the trainer needs it
                import sentence_transformers  # noqa: PLC0415 - as above
                import torch  # noqa: PLC0415 - as above
                from datasets import Dataset  # noqa: PLC0415 - as above
                from sentence_transformers.losses import MultipleNegativesRankingLoss  # noqa: PLC0415 - as above
                from transformers import PrinterCallback, TrainerCallback  # noqa: PLC0415 - as above
            except ImportError as error:
                raise MissingExtra(error.name or "accelerate", "finetune") from error
        return cls(torch, sentence_transformers, MultipleNegativesRankingLoss, TrainerCallback, PrinterCallback, Dataset)

    def trainer(self, model: Any, pairs: Pairs, folder: Path, settings: FinetuneSettings, progress: Progress | None) -> Any:
        """Return the library's trainer, told to keep what it has come to and to draw no bars of its own."""
        anchors, positives = zip(*pairs, strict=True)
        steps = settings.steps(len(pairs))
        arguments = self.package.SentenceTransformerTrainingArguments(
            output_dir=str(folder),
            max_steps=steps,
            per_device_train_batch_size=min(settings.batch_size, len(pairs)),
            learning_rate=settings.learning_rate,
            warmup_steps=steps // 10,
            dataloader_drop_last=True,
            batch_sampler="no_duplicates",
            save_strategy="steps",
            save_steps=settings.save_steps,
            save_total_limit=2,
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            seed=settings.seed,
            data_seed=settings.seed,
            dataloader_pin_memory=self.torch.cuda.is_available(),
        )
        trainer = self.package.SentenceTransformerTrainer(
            model=model,
            args=arguments,
            train_dataset=self.dataset.from_dict({"anchor": list(anchors), "positive": list(positives)}),
            loss=self.loss(model, scale=settings.scale),
            callbacks=[] if progress is None else [self._telling(progress)],
        )
        trainer.remove_callback(self.printer)
        return trainer

    def _telling(self, progress: Progress) -> Any:
        def told(_self: Any, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            progress("fine-tunes", int(state.global_step), int(state.max_steps))

        return type("Telling", (self.callback,), {"on_step_end": told})()  # its base is known only now
