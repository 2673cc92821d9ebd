"""Training in a process of its own, so that whoever indexes, embeds and builds meanwhile has its interpreter to itself.

The child reads what to do from its standard input, a line of JSON, and tells on its standard output how far it is and what it
came to. It ends with that input, so that it never outlives its parent, however that one ends. Signals, which a terminal or an
init system sends to both, are its parent's to heed. What it had finished lies in the folder of the training; the next goes on.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any, Final

from reco_sdk import errors
from reco_sdk.config import Config
from reco_sdk.errors import RecoError, TrainingFailed
from reco_sdk.items.text import TextRecipe
from reco_sdk.priority import BELOW_WORKERS, give_way
from reco_sdk.storage.times import SystemClock

__all__ = ["CHILD", "TrainingApart", "TrainingTold", "main"]

CHILD: Final = """
import json, signal, sys
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
order = json.loads(sys.stdin.buffer.readline())
sys.path[:] = order["path"]
from reco_sdk.learning.apart import main
main(order)
"""
"""What the child runs: it finds what is imported here, however this process found it."""
TELL_SECONDS: Final = 0.1
LONGEST_LINE: Final = 2**22

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class TrainingTold:
    """What a child said that its training came to.

    Parameters
    ----------
    text
        For people.
    fields
        JSON-ready.
    """

    text: str
    fields: dict[str, Any]

    def to_text(self, *, dry_run: bool = False) -> str:
        """Return it for people; the child knew whether it was a dry run."""
        del dry_run
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return self.fields


class TrainingApart:
    """Trains in a child process; a :class:`~reco_sdk.retraining.Trainer`. Cancelled, it ends the child at once.

    Parameters
    ----------
    config
        Settings; the child opens the store that they name.
    state
        Folder of the snapshots.
    recipe
        Item to text; one that :meth:`travels`.
    """

    def __init__(self, config: Config, state: Path, recipe: TextRecipe) -> None:
        self._config = config
        self._state = state
        self._recipe = recipe

    @staticmethod
    def travels(recipe: TextRecipe) -> bool:
        """Return whether a recipe can be told to another process: one that is code of the shop's cannot."""
        return type(recipe) is TextRecipe and recipe.build is None

    async def __call__(self, *, minutes: float, dry_run: bool = False, progress: Progress | None = None) -> TrainingTold:
        """Fit, compare, and let serve what wins.

        Raises
        ------
        TrainingFailed
            When the child ends without having said what became of it.
        RecoError
            What went wrong in the child.
        """
        order = {
            "path": sys.path,
            "config": {field.name: getattr(self._config, field.name) for field in fields(self._config)},
            "state": str(self._state.absolute()),
            "recipe": asdict(self._recipe),
            "minutes": minutes,
            "dry_run": dry_run,
        }
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, stdin=pipe, stdout=pipe, limit=LONGEST_LINE)
        try:
            assert child.stdin is not None  # noqa: S101 -- for the type checker
            assert child.stdout is not None  # noqa: S101
            with suppress(OSError):  # it is gone already, and its end says how
                child.stdin.write(json.dumps(order).encode() + b"\n")
                await child.stdin.drain()
            async for line in child.stdout:
                told = json.loads(line)
                if "done" in told:
                    return TrainingTold(**told["done"])
                if "error" in told:
                    raise _error(*told["error"])
                if progress is not None:
                    progress(*told["stage"])
            raise TrainingFailed(await _how_it_ended(child))
        finally:
            with suppress(ProcessLookupError):
                child.kill()
            await child.communicate()


def _error(name: str, text: str) -> RecoError:
    kind = getattr(errors, name, RecoError)
    return kind(text) if kind.__init__ is RecoError.__init__ else RecoError(text)


async def _how_it_ended(child: asyncio.subprocess.Process) -> str:
    code = await child.wait()
    if code == -signal.SIGKILL:
        return "the process that trains was killed; if for want of memory, lower interactions_learned"
    how = f"by signal {-code}" if code < 0 else f"with {code}"
    return f"the process that trains ended {how}; what it wrote to standard error says why"


# -- the child


def main(order: dict[str, Any]) -> None:
    """Train as the parent says, and tell it what becomes of it."""
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    if os.nice(0) > 0:  # a worker's child; somebody may wait for a command's
        give_way(BELOW_WORKERS)
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as out:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever else is printed is none of the parent's
        told: dict[str, Any]
        try:
            told = {"done": asyncio.run(_train(order, out))}
        except RecoError as error:
            told = {"error": [type(error).__name__, str(error)]}
        _say(out, told)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)  # not at the end of what the other threads do; nothing is half-written, whenever that is


def _say(out: IO[str], told: dict[str, Any]) -> None:
    try:
        out.write(json.dumps(told) + "\n")
        out.flush()
    except BrokenPipeError:  # nobody is there any more
        os._exit(0)


async def _train(order: dict[str, Any], out: IO[str]) -> dict[str, Any]:
    from reco_sdk.learning.run import train  # noqa: PLC0415 -- the parent needs none of it
    from reco_sdk.snapshot.publisher import SnapshotFolder  # noqa: PLC0415
    from reco_sdk.storage.urls import open_store  # noqa: PLC0415

    config, dry_run = Config(**order["config"]), order["dry_run"]
    said: tuple[str, float] = ("", 0.0)

    def tell(stage: str, done: int, total: int) -> None:
        nonlocal said
        now = time.monotonic()
        if stage != said[0] or done == total or now - said[1] > TELL_SECONDS:
            said = (stage, now)
            _say(out, {"stage": [stage, done, total]})

    store = open_store(config.store)
    await store.open()
    try:
        trained = await train(
            store,
            SnapshotFolder(Path(order["state"])),
            config,
            recipe=TextRecipe(**order["recipe"]),
            clock=SystemClock(),
            minutes=order["minutes"],
            dry_run=dry_run,
            progress=tell,
        )
    finally:
        await store.aclose()
    return {"text": trained.to_text(dry_run=dry_run), "fields": trained.to_dict()}
