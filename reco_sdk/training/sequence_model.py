"""Trains the causal transformer of :mod:`reco_sdk.sources.sequence` with torch, on a GPU where there is one.

Sampled softmax at every place of every window (Klenitskiy, Vasilev: Turning dross into gold loss, RecSys 2023), negatives drawn
half evenly and half by popularity and corrected for it (Bengio, Senécal, 2008). An item is its text, projected, plus factors of
its own, which now and then are left out while training, so that a new item, which has none, is no stranger.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import InvalidInput
from reco_sdk.sources.sequence import EPSILON, SequenceModel
from reco_sdk.training.checkpoints import Checkpoint
from reco_sdk.training.lazy_torch import load_torch
from reco_sdk.training.model import Items, Log
from reco_sdk.training.sequence_batches import Batch, Windows
from reco_sdk.types import Floats

__all__ = ["SequenceSettings", "Trained", "train_sequence"]

CUTOFF: Final = 10
_NO_LOSS: Final = 1e9

Arrays = dict[str, npt.NDArray[np.float32]]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class SequenceSettings:
    """How large the model is and how it is trained.

    Parameters
    ----------
    width, heads, blocks, inner
        Sizes.
    length
        Items of a history that are read.
    learning_rate, decay, dropout
        Of AdamW, and what share of numbers is left out while training.
    without_factors
        How often an item shows its text alone.
    seconds
        No step is begun later.
    round_steps
        Steps from one look at what is held back to the next.
    patience
        Rounds without a better one, after which training ends.
    """

    width: int = 64
    heads: int = 2
    blocks: int = 2
    inner: int = 128
    length: int = 50
    learning_rate: float = 2e-3
    decay: float = 0.01
    dropout: float = 0.2
    without_factors: float = 0.1
    seconds: float = 240.0
    round_steps: int = 60
    patience: int = 4


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training came to.

    Parameters
    ----------
    model
        As it serves; ``None`` where there was nothing to train on.
    quality
        NDCG@10 on what was held back.
    steps, seconds
        How long it took, earlier runs included.
    held
        int64: places in the log that were held back, the last interactions of some users.
    parameters
        What a later training can start from.
    """

    model: SequenceModel | None
    quality: float
    steps: int
    seconds: float
    held: npt.NDArray[np.int64]
    parameters: Arrays


def train_sequence(
    log: Log,
    items: Items,
    settings: SequenceSettings | None = None,
    *,
    seed: int = 0,
    start: Trained | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Train until what is held back gets no better, or the time is up; the best so far is what counts.

    Parameters
    ----------
    settings
        Sizes and times.
    seed
        For what begins by lot and is drawn by lot.
    start
        A training on less of the same log, to go on from.
    checkpoint
        A file, ``.npz``: after each round all of it is written there, and a run that was ended goes on from it. It is
        removed in the end.
    progress
        Called with a stage, how many seconds have gone, and how many there are.

    Raises
    ------
    InvalidInput
        When the settings do not fit together, or a checkpoint was written by another training.
    MissingExtra
        Without torch.
    """
    settings = settings or SequenceSettings()
    if settings.width % settings.heads:
        raise InvalidInput("width", f"{settings.width} is not divided by {settings.heads} heads")
    torch = load_torch()
    windows = Windows(log, settings.length, seed)
    if not len(windows) or len(windows.known) < 2:
        return Trained(None, 0.0, 0, 0.0, np.empty(0, np.int64), {})
    parameters = None if start is None or start.model is None else start.parameters
    return _Training(torch, windows, items, settings, seed, parameters).run(checkpoint, progress)


class _Training:
    """Parameters by name, AdamW, and the loop."""

    def __init__(
        self,
        torch: Any,
        windows: Windows,
        items: Items,
        settings: SequenceSettings,
        seed: int,
        start: Arrays | None = None,
    ) -> None:
        self._torch = torch
        self._windows = windows
        self._settings = settings
        self._seed = seed
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        vectors = np.zeros((len(items), 1), np.float32) if items.vectors is None else items.vectors
        self._text = torch.from_numpy(np.ascontiguousarray(vectors)).to(self._device)
        self._count = len(items)
        self._values = {
            name: torch.from_numpy(array.copy()).to(self._device).requires_grad_()
            for name, array in (start or _first_parameters(settings, vectors.shape[1], len(items), seed)).items()
        }
        plain = [value for name, value in self._values.items() if value.ndim == 1 or name.endswith("far")]
        others = [value for name, value in self._values.items() if not (value.ndim == 1 or name.endswith("far"))]
        self._optimizer = torch.optim.AdamW(
            [{"params": others, "weight_decay": settings.decay}, {"params": plain, "weight_decay": 0.0}],
            lr=settings.learning_rate,
        )
        length = settings.length
        apart = torch.arange(length)[:, None] - torch.arange(length)[None, :]
        self._apart = apart.clamp(min=0).to(self._device)
        self._later = (apart < 0).to(self._device)
        self._known = torch.zeros(len(items), 1, device=self._device)
        self._known[torch.from_numpy(windows.known)] = 1.0

    def run(self, checkpoint: Path | None, progress: Progress | None) -> Trained:
        """Train."""
        settings, windows = self._settings, self._windows
        key = {
            "settings": {**asdict(settings), "seconds": 0.0},
            "seed": self._seed,
            "windows": len(windows),
            "items": self._count,
        }
        kept = None if checkpoint is None else Checkpoint(checkpoint, key)
        step, spent, bad, best = 0, 0.0, 0, -1.0
        of_best = self._arrays()
        if kept is not None and (found := kept.read()) is not None:
            arrays, values = found
            self._restore(arrays)
            of_best = {name: arrays[f"best/{name}"] for name in self._values}
            step, spent, bad, best = int(values["step"]), float(values["spent"]), int(values["bad"]), float(values["best"])
        started = time.perf_counter() - spent
        per_epoch = windows.batches()
        ends = bad >= settings.patience
        while not ends:
            self._torch.manual_seed(self._seed * 1_000_003 + step)
            for batch in self._batches(step, per_epoch):
                self._step(batch, step)
                step += 1
                spent = time.perf_counter() - started
                if progress is not None:
                    progress("sequence model", int(min(spent, settings.seconds)), int(settings.seconds))
                if spent > settings.seconds:
                    break
            quality = self.quality()
            if quality > best:
                best, bad, of_best = quality, 0, self._arrays()
            else:
                bad += 1
            spent = time.perf_counter() - started
            ends = bad >= settings.patience or spent > settings.seconds
            if kept is not None:
                state = self._state() | {f"best/{name}": array for name, array in of_best.items()}
                kept.write(state, {"step": step, "spent": spent, "bad": bad, "best": best})
        if kept is not None:
            kept.remove()
        return Trained(self._model(of_best), best, step, spent, self._windows.held_places, of_best)

    def _batches(self, step: int, per_epoch: int) -> Iterator[Batch]:
        """Yield the batches of one round, from a step on."""
        left = self._settings.round_steps
        while left > 0:
            epoch, at = divmod(step, per_epoch)
            for batch in self._windows.epoch(self._seed, epoch, at):
                yield batch
                step += 1
                left -= 1
                if not left:
                    return

    def _step(self, batch: Batch, step: int) -> None:
        torch, settings = self._torch, self._settings
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate * min(1.0, (step + 1) / settings.round_steps)
        items, answers = torch.from_numpy(batch.items).to(self._device), torch.from_numpy(batch.next).to(self._device)
        negatives = torch.from_numpy(batch.negatives).to(self._device)
        asked = answers >= 0
        wanted = answers[asked]
        rows, places = torch.unique(torch.cat((items.reshape(-1), wanted, negatives)), return_inverse=True)
        table = self._table(rows, drop=True)
        shown, rest = places[: items.numel()], places[items.numel() :]
        states = self.states(table[shown].reshape(*items.shape, -1), drop=True)[asked]
        right, others = table[rest[: len(wanted)]], table[rest[len(wanted) :]]
        odds = states @ others.T - torch.from_numpy(batch.expected).to(self._device)
        odds = odds.masked_fill(wanted[:, None] == negatives[None, :], -_NO_LOSS)
        odds = torch.cat(((states * right).sum(1, keepdim=True), odds), dim=1)
        loss = (torch.logsumexp(odds, dim=1) - odds[:, 0]).mean()
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(self._values.values()), 5.0)
        self._optimizer.step()

    def _table(self, rows: Any, *, drop: bool = False) -> Any:
        """Return the vectors of items."""
        torch, values = self._torch, self._values
        factors = values["factors"][rows] * self._known[rows]
        if drop and self._settings.without_factors:
            factors = factors * (torch.rand(len(rows), 1, device=self._device) >= self._settings.without_factors)
        return self._text[rows] @ values["text"] + factors

    def states(self, x: Any, *, drop: bool = False) -> Any:
        """Return what is expected after each place: ``(b, length, d)``."""
        torch, values, settings = self._torch, self._values, self._settings
        functional = torch.nn.functional

        def dropped(y: Any) -> Any:
            return functional.dropout(y, settings.dropout) if drop and settings.dropout else y

        def normed(y: Any, scale: Any, shift: Any) -> Any:
            return functional.layer_norm(y, (settings.width,), scale, shift, EPSILON)

        count, length, width = x.shape
        heads, size = settings.heads, width // settings.heads
        x = dropped(x)
        for block in range(settings.blocks):
            own = {name.partition(".")[2]: value for name, value in values.items() if name.startswith(f"{block}.")}
            y = normed(x, own["norm_a"], own["shift_a"])
            asked, key, value = (
                (y @ own[name]).reshape(count, length, heads, size).transpose(1, 2) for name in ("ask", "key", "value")
            )
            bias = own["far"][:, self._apart[:length, :length]].masked_fill(self._later[:length, :length], float("-inf"))
            likeness = torch.softmax(asked @ key.transpose(2, 3) * size**-0.5 + bias, dim=3)
            seen = (likeness @ value).transpose(1, 2).reshape(count, length, width)
            x = x + dropped(seen @ own["out"]) * torch.sigmoid(x @ own["gate_a"])
            y = normed(x, own["norm_f"], own["shift_f"])
            fed = (functional.silu(y @ own["swish"]) * (y @ own["up"])) @ own["down"]
            x = x + dropped(fed) * torch.sigmoid(x @ own["gate_f"])
        return normed(x, values["norm"], values["shift"])

    def quality(self) -> float:
        """Return the NDCG@10 of what was held back, all known items ranked."""
        held = self._windows.held
        if not held:
            return 0.0
        torch, found = self._torch, 0.0
        with torch.no_grad():
            table = self._table(torch.arange(self._count, device=self._device))
            for start in range(0, len(held), 200):
                part = held[start : start + 200]
                longest = max(len(items) for items, _ in part)
                items = np.zeros((len(part), longest), np.int64)
                for row, (shown, _) in enumerate(part):
                    items[row, : len(shown)] = shown
                lasts = [len(shown) - 1 for shown, _ in part]
                states = self.states(table[torch.from_numpy(items).to(self._device)])[torch.arange(len(part)), lasts]
                odds = states @ table.T
                wanted = torch.tensor([target for _, target in part], device=self._device)
                ahead = (odds > odds.gather(1, wanted[:, None])).sum(1).cpu().numpy()
                for row, (shown, target) in enumerate(part):
                    seen = np.unique(shown[shown != target])
                    ahead[row] -= int((odds[row, seen] > odds[row, target]).sum())
                found += float(_gains(ahead).sum())
        return found / len(held)

    def _arrays(self) -> Arrays:
        return {name: value.detach().cpu().numpy().copy() for name, value in self._values.items()}

    def _state(self) -> Arrays:
        """Return parameters and what AdamW knows of them."""
        out = {f"value/{name}": array for name, array in self._arrays().items()}
        for name, value in self._values.items():
            for moment, array in self._optimizer.state[value].items():
                out[f"{moment}/{name}"] = array.detach().cpu().numpy().copy()
        return out

    def _restore(self, arrays: Arrays) -> None:
        torch = self._torch
        with torch.no_grad():
            for name, value in self._values.items():
                value.copy_(torch.from_numpy(arrays[f"value/{name}"]))
                self._optimizer.state[value] = {
                    moment: torch.from_numpy(np.array(arrays[f"{moment}/{name}"])).to("cpu" if moment == "step" else self._device)
                    for moment in ("step", "exp_avg", "exp_avg_sq")
                    if f"{moment}/{name}" in arrays
                }

    def _model(self, arrays: Arrays) -> SequenceModel:
        table = self._text.cpu().numpy() @ arrays["text"] + arrays["factors"] * self._known.cpu().numpy()
        return SequenceModel(table, {name: array for name, array in arrays.items() if name not in {"text", "factors"}})


def _gains(ahead: npt.NDArray[np.int64]) -> Floats:
    return np.where(ahead < CUTOFF, 1.0 / np.log2(ahead + 2.0), 0.0)


def _first_parameters(settings: SequenceSettings, told: int, count: int, seed: int) -> Arrays:
    generator = np.random.default_rng(seed)
    width, inner = settings.width, settings.inner

    def drawn(rows: int, columns: int, scale: float) -> npt.NDArray[np.float32]:
        return (scale * generator.standard_normal((rows, columns))).astype(np.float32)

    out = {"text": drawn(told, width, width**-0.5), "factors": drawn(count, width, 0.02)}
    for block in range(settings.blocks):
        own = {name: drawn(width, width, width**-0.5) for name in ("ask", "key", "value", "out", "gate_a", "gate_f")}
        own |= {"swish": drawn(width, inner, width**-0.5), "up": drawn(width, inner, width**-0.5)}
        own["down"] = drawn(inner, width, inner**-0.5)
        for name in ("a", "f"):
            own |= {f"norm_{name}": np.ones(width, np.float32), f"shift_{name}": np.zeros(width, np.float32)}
        own["far"] = np.tile(-0.1 * np.arange(settings.length, dtype=np.float32), (settings.heads, 1))
        out |= {f"{block}.{name}": array for name, array in own.items()}
    return out | {"norm": np.ones(width, np.float32), "shift": np.zeros(width, np.float32)}
