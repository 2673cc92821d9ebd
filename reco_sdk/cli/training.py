"""``reco train``."""

from __future__ import annotations

from argparse import Namespace

from reco_sdk.cli.output import say, say_json, stage_bars
from reco_sdk.cli.stores import need_store
from reco_sdk.config import Config
from reco_sdk.ranking.model_files import ModelFolder
from reco_sdk.wiring import make_worker

__all__ = ["train_command"]


async def train_command(arguments: Namespace) -> int:
    """Learn from the store how to rank, and let serve what wins."""
    given = {name: getattr(arguments, name) for name in ("store", "state_dir") if getattr(arguments, name) is not None}
    config = Config.from_env(**given, model="")
    need_store(config)
    worker = make_worker(config)
    try:
        await worker.start()
        last, sequence = ModelFolder(worker.folder.root).last, await worker.store.interaction_sequence()
        if last is not None and last["until"] == sequence and not (arguments.force or arguments.dry_run):
            say_json({"nothing_new_since": last["when"]}) if arguments.json else say(
                f"nothing happened since the training of {last['when']}; --force trains all the same"
            )
            return 0
        with stage_bars(arguments.quiet) as progress:
            trained = await worker.training.run(minutes=arguments.budget_minutes, dry_run=arguments.dry_run, progress=progress)
    finally:
        await worker.aclose()
    if trained is not None:
        say_json(trained.to_dict()) if arguments.json else say(trained.to_text(dry_run=arguments.dry_run))
    return 0
