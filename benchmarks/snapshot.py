"""A new process opens 100,000 items and answers: what a worker that has just started makes its first visitor wait."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from benchmarks.data import built, working_copy
from benchmarks.measure import fresh_python, p50

ROUNDS: Final = 9
CODE: Final = """
import time; started = time.perf_counter()
import asyncio, json, sys
from pathlib import Path
from reco_sdk import Recommender
from benchmarks.data import Built, PlantedEmbedder, config
imported = time.perf_counter()

async def main():
    place = Built(Path(PLACE))
    opening = time.perf_counter()
    async with Recommender.open(place.url, config=config(place), embedder=PlantedEmbedder()) as reco:
        opened = time.perf_counter()
        slate = await reco.similar_items("item-012345", n=8)
        answered = time.perf_counter()
        visitor = await reco.recommend(visitor_id="nobody", n=8)
        again = time.perf_counter()
    print(json.dumps({
        "imports": imported - started, "open": opened - opening, "first": answered - opening,
        "recommend": again - answered, "items": len(slate), "popular": len(visitor),
    }))

asyncio.run(main())
"""


def run() -> dict[str, float]:
    """Return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        place = working_copy(built(), Path(folder))
        code = CODE.replace("PLACE", repr(str(place.folder)))
        fresh_python(code)  # the files are in the page cache from here on
        answers = [fresh_python(code) for _ in range(ROUNDS)]
    shortest = min(answer["items"] for answer in answers)
    if shortest < 8:
        raise RuntimeError(f"a first answer held {shortest} items instead of 8")
    return {
        "first_answer_ms": 1_000 * p50([answer["first"] for answer in answers]),
        "open_ms": 1_000 * p50([answer["open"] for answer in answers]),
        "first_recommend_ms": 1_000 * p50([answer["recommend"] for answer in answers]),
        "imports_ms": 1_000 * p50([answer["imports"] for answer in answers]),
    }
