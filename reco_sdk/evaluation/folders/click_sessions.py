"""``train.parquet`` with ``valid.parquet`` and ``test.parquet``: session, item, time of each click."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from reco_sdk.errors import ImportRefused
from reco_sdk.evaluation.dataset import TEST, TRAIN, VALIDATION, Dataset, make_log
from reco_sdk.evaluation.folders.catalogue import ITEM_ID
from reco_sdk.evaluation.folders.interactions import TIME, read_items
from reco_sdk.evaluation.folders.tables import Ids, Parquet

__all__ = ["CLICKS", "read_click_sessions"]

CLICKS: Final = "train.parquet"
_PARTS: Final = ((CLICKS, TRAIN), ("valid.parquet", VALIDATION), ("test.parquet", TEST))
SESSION_ID: Final = ("SessionId", "session")


def read_click_sessions(folder: Path, text: Sequence[str] | None) -> Dataset:
    """Read the folder. A session's id means another session in each file; each session is a user of its own.

    Raises
    ------
    ImportRefused
        When a file or a column is missing or cannot be read.
    """
    items = Ids()
    catalogue = read_items(folder, items, text)
    users, numbers, times, parts = [], [], [], []
    before = 0
    for name, part in _PARTS:
        if not (folder / name).exists():
            if part == TEST:
                raise ImportRefused(f"{folder}: has {CLICKS} but no {name}; what the models are asked stands there")
            continue
        table = Parquet(folder / name)
        sessions = Ids()
        session = table.ids(table.need("session", SESSION_ID), sessions)
        users.append(session + np.int32(before))
        numbers.append(table.ids(table.need("item", ITEM_ID), items))
        times.append(table.times(table.need("time", TIME)))
        parts.append(np.full(table.rows, part, np.int8))
        before += len(sessions)
    user = np.concatenate(users)
    log, order = make_log(
        user, np.concatenate(numbers), np.concatenate(times), user, kinds="view_item", n_users=before, n_items=len(items)
    )
    return catalogue.dataset(folder, items, log, timed=True, parts=np.concatenate(parts)[order])
