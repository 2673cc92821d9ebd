"""Interactions into PostgreSQL: through the recorder, and one ``INSERT`` by ``execute`` each, in turn, all on one core.

The server runs on the same core as we do, and commits as PostgreSQL does unless it is told otherwise: when the disk has it.
The single inserts go into a plain table with the same columns, a key for the event and one for the order, over a connection
that prepares the statement once. Beside them stands what they reach on a connection that does not wait for the disk, and
would lose what it was told is stored. What a page does before (making the interaction) is timed for none.
"""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import asyncpg

from benchmarks.measure import alternate, p50
from reco_sdk.interactions.interaction import Interaction
from reco_sdk.interactions.recorder import Recorder, class_of
from reco_sdk.storage.postgres import PostgresStore
from reco_sdk.storage.rows import interaction_row
from scripts.postgres import databases

ROUNDS: Final = 7
RECORDED: Final = 50_000
INSERTED: Final = 3_000
AT_ONCE: Final = 100
LIMIT: Final = 10_000
KINDS: Final = ("view_item",) * 16 + ("select_item", "select_item", "add_to_cart", "purchase")
PLAIN: Final = """
CREATE TABLE plain_interaction (
    sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, item_id TEXT,
    visitor_id TEXT, user_id TEXT, session_id TEXT, at BIGINT NOT NULL, quantity BIGINT NOT NULL, value DOUBLE PRECISION,
    currency TEXT, query TEXT, placement TEXT, slate_id TEXT, position BIGINT
);
CREATE INDEX plain_interaction_kind ON plain_interaction (kind);
"""
INSERT: Final = f"""
INSERT INTO plain_interaction (
    event_id, kind, item_id, visitor_id, user_id, session_id, at, quantity, value, currency, query, placement, slate_id, position
) VALUES ({", ".join(f"${n}" for n in range(1, 15))})
ON CONFLICT (event_id) DO NOTHING
"""


def interactions(count: int, seed: int) -> list[Interaction]:
    """Return what visitors of a shop do in the hours before now."""
    random, now = Random(seed), datetime.now(UTC)
    made = []
    for n in range(count):
        visitor = random.randrange(5_000)
        made.append(
            Interaction(
                kind=random.choice(KINDS),
                item_id=f"catalogue.product:{random.randrange(100_000)}",
                visitor_id=f"{visitor:032x}",
                user_id=str(visitor) if visitor % 4 == 0 else None,
                at=now - timedelta(seconds=(count - n) / 10),
                placement="item",
                slate_id=f"{random.getrandbits(64):016x}",
                position=n % 8,
            )
        )
    return made


async def record(store: PostgresStore, made: list[Interaction]) -> float:
    """Return how many a second are recorded and stored."""
    recorder: Recorder[Interaction] = Recorder(store.append_interactions, 1.0, LIMIT, sort=class_of)
    before = await store.interaction_sequence()
    recorder.start()
    started = time.perf_counter()
    for start in range(0, len(made), AT_ONCE):
        while recorder.pending > LIMIT // 2 - AT_ONCE:  # noqa: ASYNC110  as pages would come: they do not wait for it
            await asyncio.sleep(0.001)
        recorder.add(made[start : start + AT_ONCE])
    await recorder.flush()
    took = time.perf_counter() - started
    await recorder.aclose()
    stored = await store.interaction_sequence() - before
    if stored != len(made):
        raise RuntimeError(f"{len(made)} were recorded, {stored} were stored: {recorder.counts}")
    return len(made) / took


async def insert(connection: Any, made: list[Interaction]) -> float:
    """Return how many single inserts there are a second."""
    rows = [interaction_row(interaction) for interaction in made]
    started = time.perf_counter()
    for row in rows:
        await connection.execute(INSERT, *row)
    return len(made) / (time.perf_counter() - started)


def run() -> dict[str, float]:
    """Return the figures."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # the server that is started below is bound by it too
    loop = asyncio.new_event_loop()
    with databases(fsync="on", full_page_writes="on") as made:
        dsn = made.create()
        store = PostgresStore(dsn)
        loop.run_until_complete(store.open())
        connection = loop.run_until_complete(asyncpg.connect(dsn))
        loop.run_until_complete(connection.execute(PLAIN))
        careless = loop.run_until_complete(asyncpg.connect(dsn, server_settings={"synchronous_commit": "off"}))
        loop.run_until_complete(record(store, interactions(LIMIT, -1)))
        loop.run_until_complete(insert(connection, interactions(500, -2)))
        rates = alternate(
            ROUNDS,
            recorder=lambda n: loop.run_until_complete(record(store, interactions(RECORDED, n))),
            inserts=lambda n: loop.run_until_complete(insert(connection, interactions(INSERTED, ROUNDS + n))),
            careless=lambda n: loop.run_until_complete(insert(careless, interactions(INSERTED, 2 * ROUNDS + n))),
        )
        for opened in (connection, careless):
            loop.run_until_complete(opened.close())
        loop.run_until_complete(store.aclose())
    loop.close()
    return {
        "recorded_per_s": p50(rates["recorder"]),
        "over_single_inserts": p50([ours / single for ours, single in zip(rates["recorder"], rates["inserts"], strict=True)]),
        "single_inserts_per_s": p50(rates["inserts"]),
        "single_inserts_without_disk_per_s": p50(rates["careless"]),
        "slowest_round_per_s": min(rates["recorder"]),
    }
