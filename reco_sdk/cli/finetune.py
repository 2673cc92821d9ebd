"""``reco finetune``."""

from __future__ import annotations

import argparse
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from reco_sdk.embedding.finetuning import Plan
    from reco_sdk.evaluation.dataset import Dataset

__all__ = ["EXAMPLES", "finetune_command", "options"]

EXAMPLES: Final = """\
examples:
  reco finetune models/ours --dry-run          # counts, and how long it would take here
  reco finetune models/ours
  reco finetune models/ours --epochs 3 --batch-size 128
  RECO_MODEL=models/ours reco sync             # use it: everything is embedded anew, then the snapshot is built

Learns from what visitors turned to one after another which texts belong together, and changes the whole text model
accordingly. Worth it for large catalogues whose texts say little to the model as it is;
`reco evaluate FOLDER --model models/ours` says whether it helped. A run that was ended goes on from its last checkpoint when
the same command is given again. Needs the extra `finetune`; a GPU is used where there is one.
"""


def options(command: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    command.add_argument("out", metavar="OUT", type=Path, help="folder of the new model")
    command.add_argument(
        "--folder", metavar="FOLDER", type=Path, help="learn from a folder of data, as of evaluate, not the store"
    )
    command.add_argument("--text", metavar="COLUMN,...", help="of the folder; default: title, brand and category")
    command.add_argument("--epochs", type=float, default=1.0, metavar="E", help="default: %(default)g")
    command.add_argument("--batch-size", type=int, default=64, metavar="N", help="pairs at once; default: %(default)s")
    command.add_argument("--learning-rate", type=float, default=2e-5, metavar="R", help="default: %(default)g")
    command.add_argument("--save-steps", type=int, default=200, metavar="N", help="between checkpoints; default: %(default)s")
    command.add_argument(
        "--pairs", type=int, default=200_000, metavar="N", help="learn from so many at most; default: %(default)s"
    )
    command.add_argument("--seed", type=int, default=0, metavar="S", help="of all that is drawn by lot; default: %(default)s")
    command.add_argument("--dry-run", action="store_true", help="only say how many pairs there are and how long it takes")


async def finetune_command(arguments: Namespace) -> int:
    """Fine-tune the text model on what went together."""
    from reco_sdk.cli.evaluating import interruptible  # noqa: PLC0415 - as below
    from reco_sdk.cli.output import facts_text, say, say_json, stage_bars  # noqa: PLC0415 - numpy, which --help does without
    from reco_sdk.config import Config  # noqa: PLC0415 - as above
    from reco_sdk.embedding.finetuning import FinetuneSettings, finetune, plan_finetuning  # noqa: PLC0415 - as above
    from reco_sdk.errors import ConfigError  # noqa: PLC0415 - as above

    given = {name: value for name in ("store", "model") if (value := getattr(arguments, name)) is not None}
    config = Config.from_env(**given)
    if not config.model or config.model == "hashing" or config.model.startswith(("http://", "https://")):
        raise ConfigError(
            f"model {config.model or 'none'!r} cannot be fine-tuned; name a sentence-transformers model with --model"
        )
    settings = FinetuneSettings(
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        save_steps=arguments.save_steps,
        seed=arguments.seed,
    )
    with stage_bars(arguments.quiet) as progress:
        data = await _data(arguments, config.store)
        pairs, held = _pairs(data, arguments.pairs, arguments.seed)
        with interruptible():
            if arguments.dry_run:
                facts = _planned(plan_finetuning(config.model, pairs, held, arguments.out, settings))
            else:
                facts = finetune(config.model, pairs, held, arguments.out, settings, progress=progress).to_dict()
    if arguments.json:
        say_json(facts)
    else:
        say(facts_text(facts))
        if not arguments.dry_run:
            say(f"use it with RECO_MODEL={arguments.out}, then `reco sync`")
    return 0


def _planned(plan: Plan) -> dict[str, object]:
    return {
        "pairs": plan.pairs,
        "pairs_held_back": plan.held,
        "steps": plan.steps,
        "steps_done": plan.done,
        "minutes_left": None if plan.seconds is None else round(plan.seconds / 60.0, 1),
    }


async def _data(arguments: Namespace, store_url: str) -> Dataset:
    """Read the shop's store, or a folder."""
    from reco_sdk.cli.stores import need_store  # noqa: PLC0415 - as above
    from reco_sdk.config import Config  # noqa: PLC0415 - as above
    from reco_sdk.evaluation.folders import read_folder  # noqa: PLC0415 - as above
    from reco_sdk.evaluation.shop import read_shop  # noqa: PLC0415 - as above
    from reco_sdk.items.text import DEFAULT_RECIPE  # noqa: PLC0415 - as above
    from reco_sdk.storage.urls import open_store, public_url  # noqa: PLC0415 - as above

    if arguments.folder is not None:
        text = None if arguments.text is None else tuple(name.strip() for name in arguments.text.split(",") if name.strip())
        return read_folder(arguments.folder, text)
    config = Config.from_env(store=store_url)
    need_store(config)
    store = open_store(store_url)
    await store.open()
    try:
        gap = config.session_gap_minutes * 60.0
        return await read_shop(store, DEFAULT_RECIPE, "", gap_seconds=gap, name=public_url(store_url))
    finally:
        await store.aclose()


def _pairs(data: Dataset, most: int, seed: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return texts of items that followed one another, and others that are held back."""
    import numpy as np  # noqa: PLC0415 - as above

    from reco_sdk.errors import ConfigError  # noqa: PLC0415 - as above
    from reco_sdk.training.content_pairs import content_pairs  # noqa: PLC0415 - as above

    texts = data.texts
    if texts is None:
        raise ConfigError(f"{data.name} has no texts to learn from")
    found = content_pairs(data.log, np.asarray([bool(text) for text in texts]), seed=seed)
    learnt = found.learnt[np.random.default_rng(seed).permutation(len(found.learnt))[:most]]

    def told(rows: np.ndarray[tuple[int, int], np.dtype[np.int32]]) -> list[tuple[str, str]]:
        return [(texts[a], texts[b]) for a, b in rows.tolist() if texts[a] != texts[b]]

    return told(learnt), told(found.held)
