"""Training: stage after stage, each kept until the end, and at the end the gate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from reco_sdk.building import store_id
from reco_sdk.config import Config
from reco_sdk.errors import SnapshotError
from reco_sdk.evaluation.cases import Part
from reco_sdk.items.text import TextRecipe
from reco_sdk.learning.gate import BY_HAND, CANDIDATE, SERVING, Verdict, judge, too_little
from reco_sdk.learning.past import STRATEGIES_OF, History, read_history, read_past
from reco_sdk.learning.report import Training
from reco_sdk.learning.work import Stage, Work
from reco_sdk.ports import Clock, Store
from reco_sdk.ranking.learned import NO_MODEL, LearnedFusion, RankingModel
from reco_sdk.ranking.model_files import ModelFolder
from reco_sdk.snapshot.publisher import SnapshotFolder
from reco_sdk.strategies import STRATEGIES
from reco_sdk.trace import Trace
from reco_sdk.training.examples import CONTENT, POPULARITY, Examples, Past, Question, gather
from reco_sdk.training.ranker import EXTRA_WEIGHT, fit_ranker
from reco_sdk.types import Floats

__all__ = ["train"]

DAYS: Final = 30.0
MOST_LEARNT: Final = 4_000
MOST_ASKED: Final = 2_500
_LEARNT: Final = tuple(strategy for strategies in STRATEGIES_OF.values() for strategy in strategies)
_CONTENDERS: Final = (CONTENT, POPULARITY, BY_HAND, SERVING, CANDIDATE)

Progress = Callable[[str, int, int], None]


async def train(
    store: Store,
    folder: SnapshotFolder,
    config: Config,
    *,
    recipe: TextRecipe,
    clock: Clock,
    minutes: float,
    seed: int = 0,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Training:
    """Fit a fusion for each strategy on the shop's own last days, and let those serve that win.

    A run that was ended in the middle is gone on with: what it had finished is not done again.

    Parameters
    ----------
    folder
        Of the snapshots; models lie beside them.
    minutes
        Questions are asked for as long as they leave; the same questions give the same model, byte for byte.
    seed
        For all that is drawn by lot.
    dry_run
        Compare, and write nothing.
    progress
        Called with stage, done and total.

    Raises
    ------
    BuildInProgress
        When another process trains in the same folder.
    SnapshotError
        When there is no snapshot yet, or nothing can be written.
    StoreError
        When the store fails.
    """
    models = ModelFolder(folder.root)
    if dry_run:
        return await _train(store, folder, models, config, recipe, minutes, seed, progress, Work(None))
    models.root.mkdir(parents=True, exist_ok=True)
    with models.folder.build_lock():
        work = Work(models.work)
        done = await _train(store, folder, models, config, recipe, minutes, seed, progress, work)
        now = clock.now()
        told = {"at": now.timestamp(), "when": now.isoformat(timespec="seconds"), "until": (work.begun or {}).get("until", 0)}
        models.remember({**done.to_dict(), **told})
        work.clear()
    return done


async def _train(
    store: Store,
    folder: SnapshotFolder,
    models: ModelFolder,
    config: Config,
    recipe: TextRecipe,
    minutes: float,
    seed: int,
    progress: Progress | None,
    work: Work,
) -> Training:
    started = time.monotonic()
    snapshot = await asyncio.to_thread(folder.open_latest)
    if snapshot is None:
        raise SnapshotError(f"there is no snapshot in {folder.root} yet; run sync, then train")
    serving = await asyncio.to_thread(models.open) or NO_MODEL
    until = await store.interaction_sequence()
    key = {"store": await store_id(store), "snapshot": snapshot.path.name, "model": serving.name, "seed": seed, "until": until}
    begun = work.begun or {}
    if int(begun.get("until", until + 1)) <= until and {**begun, "until": until} == key:
        key["until"] = until = int(begun["until"])  # as far as the log went then
    work.begin(key)
    history = await read_history(store, recipe, config, until=until, days=DAYS, progress=progress)
    pasts: dict[str, Past] = {}
    if history.splits:
        cuts = {part: split.cut for part, split in history.splits.items() if split.cut is not None}
        found = await read_past(store, snapshot, config, tuple(cuts.values()), until=until)
        pasts = dict(zip(cuts, found, strict=True))
    trainer = _Trainer(history, pasts, config, serving, seed, work, progress, started + 60.0 * minutes)
    model = await asyncio.to_thread(trainer.run)
    changed = {name: fusion for name, fusion in model.fusions.items() if serving.fusions.get(name) is not fusion}
    name = None
    if work.keeps and (changed or len(model.fusions) != len(serving.fusions)):
        model = RankingModel(model.fusions, {**model.meta, "store": key["store"], "until": until, "seed": seed})
        name = (await asyncio.to_thread(models.publish, model)).name
    return Training(tuple(trainer.verdicts), name, len(history.data.log), time.monotonic() - started, trainer.resumed)


class _Trainer:
    """Trains strategy after strategy, in one thread."""

    def __init__(
        self,
        history: History,
        pasts: dict[str, Past],
        config: Config,
        serving: RankingModel,
        seed: int,
        work: Work,
        progress: Progress | None,
        deadline: float,
    ) -> None:
        self._history = history
        self._pasts = pasts
        self._config = config
        self._serving = serving
        self._seed = seed
        self._work = work
        self._progress = progress
        self._deadline = deadline
        self._left = 2 * len(_LEARNT)
        self.verdicts: list[Verdict] = []
        self.resumed = 0

    def run(self) -> RankingModel:
        """Return the model that is to serve from now on."""
        fusions = dict(self._serving.fusions)
        told = dict(self._serving.meta.get("verdicts", {}))
        for strategy in _LEARNT:
            verdict, fusion = self._strategy(strategy)
            self.verdicts.append(verdict)
            if verdict.decision == "ships":
                fusions[strategy], told[strategy] = fusion, verdict.to_dict()
            elif verdict.decision == "withdrawn":
                del fusions[strategy], told[strategy]
        return RankingModel(fusions, {"verdicts": told})

    def _strategy(self, strategy: str) -> tuple[Verdict, LearnedFusion]:
        learn = self._questions("validation", strategy, MOST_LEARNT)
        decide = self._questions("test", strategy, MOST_ASKED)
        nothing = LearnedFusion({}, 1.0)
        if (verdict := too_little(strategy, len(learn), len(decide), self._history.notes)) is not None:
            self._left -= 2
            return verdict, nothing
        arrays, values = self._stage(f"ask-{strategy}", lambda: self._ask(strategy, learn))
        examples = Examples.of(arrays, values)
        if (verdict := too_little(strategy, len(examples), len(decide))) is not None:
            self._left -= 1
            return verdict, nothing
        arrays, values = self._stage(f"fit-{strategy}", lambda: self._fit(strategy, examples))
        fusion = LearnedFusion.of(values["fusion"], arrays.__getitem__, strategy)
        arrays, _ = self._stage(f"judge-{strategy}", lambda: self._judge(strategy, fusion, decide))
        units = arrays.pop("units")
        figures: dict[str, Floats] = dict(zip(_CONTENDERS, arrays["figures"], strict=True))
        if strategy not in self._serving.fusions:
            del figures[BY_HAND]
        return judge(strategy, figures, units, learnt=len(examples), kind=values["kind"], seed=self._seed), fusion

    def _stage(self, name: str, make: Callable[[], Stage]) -> Stage:
        """Return what a stage comes to, or came to before this run."""
        found = self._work.stage(name)
        if found is not None:
            self.resumed += 1
            return found
        arrays, values = make()
        self._work.keep(name, arrays, values)
        return arrays, values

    def _questions(self, part: Part, strategy: str, most: int) -> list[Question]:
        return self._history.questions(part, strategy, self._config, most=most, seed=self._seed)

    def _time(self) -> Callable[[], bool]:
        """Return whether the time goes on that falls to one of the stages that are left."""
        now = time.monotonic()
        until = now + max(self._deadline - now, 0.0) / max(self._left, 1)
        self._left -= 1
        return lambda: time.monotonic() < until

    def _tell(self, stage: str) -> Callable[[int, int], None]:
        progress = self._progress
        return (lambda _done, _total: None) if progress is None else (lambda done, total: progress(stage, done, total))

    def _ask(self, strategy: str, questions: list[Question]) -> Stage:
        past = self._pasts["validation"]
        extra = {source.name: EXTRA_WEIGHT for source in STRATEGIES[strategy].fallback}
        past.serve(RankingModel({strategy: LearnedFusion(extra, 1.0)}))
        examples = gather(past, strategy, questions, tell=self._tell(f"{strategy}: asks"), goes_on=self._time())
        return examples.to_arrays(), examples.to_values()

    def _fit(self, strategy: str, examples: Examples) -> Stage:
        fusion, kind = fit_ranker(examples, self._seed, self._tell(f"{strategy}: fits"))
        return fusion.to_arrays(strategy), {"fusion": fusion.to_meta(), "kind": kind}

    def _judge(self, strategy: str, fusion: LearnedFusion, questions: list[Question]) -> Stage:
        """Ask each question of all contenders, and measure their answers."""
        past, goes_on, tell = self._pasts["test"], self._time(), self._tell(f"{strategy}: compares")
        candidate = RankingModel({strategy: fusion}, name=CANDIDATE)
        rows: list[list[float]] = []
        for question in questions:
            if rows and not goes_on():
                break
            trace = Trace()
            past.serve(NO_MODEL)
            by_hand = past.ask(strategy, question, trace)
            answers = [*past.alone(trace).values(), by_hand]
            if strategy in self._serving.fusions:
                past.serve(self._serving)
                answers.append(past.ask(strategy, question))
            else:
                answers.append(by_hand)
            past.serve(candidate)
            answers.append(past.ask(strategy, question))
            rows.append([past.ndcg(answer, question) for answer in answers])
            tell(len(rows), len(questions))
        units = np.asarray([question.unit for question in questions[: len(rows)]], np.int32)
        return {"figures": np.asarray(rows).T, "units": units}, {}
