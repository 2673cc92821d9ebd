"""Folders of data for tests, in every format, small enough to know by eye."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DAY = 86_400


def write(path: Path, **columns) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def interactions(
    folder: Path, rows: Sequence[tuple], names=("user_id", "item_id", "position"), items: dict | None = None
) -> Path:
    write(folder / "interactions.parquet", **dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    if items is not None:
        write(folder / "items.parquet", **items)
    return folder


def session_lines(folder: Path, train: list[str], pairs: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(folder / "train_sessions.txt.gz", "wt") as file:
        file.writelines(line + "\n" for line in train)
    with gzip.open(folder / "test_pairs.txt.gz", "wt") as file:
        file.writelines(line + "\n" for line in pairs)
    return folder


def clicks(folder: Path, **parts: list[tuple[int, int, float]]) -> Path:
    for name, rows in parts.items():
        session, item, time = map(list, zip(*rows, strict=True))
        write(folder / f"{name}.parquet", SessionId=session, ItemId=item, Time=time)
    return folder


ORDER_LINES = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")


def order_lines(folder: Path, rows: Sequence[tuple]) -> Path:
    """Rows of invoice, code, text, quantity, day, price, customer."""
    start = np.datetime64("2024-01-01T10:00:00", "us")
    invoice, code, text, quantity, day, price, customer = map(list, zip(*rows, strict=True))
    write(
        folder / "orders.parquet",
        InvoiceNo=invoice,
        StockCode=code,
        Description=text,
        Quantity=quantity,
        InvoiceDate=[(start + np.timedelta64(int(d * DAY), "s")).astype("datetime64[us]").item() for d in day],
        UnitPrice=price,
        CustomerID=[None if c is None else float(c) for c in customer],
        Country=["United Kingdom"] * len(rows),
    )
    return folder


def shop(folder: Path, users: int = 60, groups: int = 4, seed: int = 0) -> Path:
    """A synthetic shop whose users each buy within one group of ten items, and name it in the title."""
    generator = np.random.default_rng(seed)
    words = ["red dress", "garden hose", "coffee mug", "wool scarf", "steel pan", "paper lamp"][:groups]
    rows = []
    for user in range(users):
        group = user % groups
        rows += [(user, group * 10 + int(item), place) for place, item in enumerate(generator.permutation(10)[:6])]
    titles = [f"{words[item // 10]} number {item % 10}" for item in range(10 * groups)]
    return interactions(
        folder, rows, items={"item_id": list(range(10 * groups)), "title": titles, "brand": ["Acme"] * len(titles)}
    )
