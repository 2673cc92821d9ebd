"""Folders of data: one reader a format, told apart by what the folder holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reco_sdk.errors import ImportRefused
from reco_sdk.evaluation.dataset import Dataset
from reco_sdk.evaluation.folders.click_sessions import CLICKS, read_click_sessions
from reco_sdk.evaluation.folders.interactions import INTERACTIONS, read_interactions
from reco_sdk.evaluation.folders.order_lines import find_order_lines, read_order_lines
from reco_sdk.evaluation.folders.session_lines import SESSION_LINES, read_session_lines

__all__ = ["read_folder"]

_KNOWN = (
    "interactions.parquet (user_id, item_id, position or timestamp) with items.parquet; train_sessions.txt.gz with "
    "test_pairs.txt.gz; train.parquet and test.parquet (SessionId, ItemId, Time); a Parquet file of order lines "
    "(InvoiceNo or order_id, StockCode or product_id, InvoiceDate or order_date, customer)"
)


def read_folder(folder: Path, text: Sequence[str] | None = None) -> Dataset:
    """Read a folder of data.

    Parameters
    ----------
    folder
        Nothing is written there.
    text
        Columns to embed; ``None`` for title, brand and category, as there are.

    Raises
    ------
    ImportRefused
        When the folder is in none of the formats, or a file of it cannot be read: names file, row and mend.
    ConfigError
        When no column is called as ``text`` says.
    MissingExtra
        Without pyarrow.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise ImportRefused(f"{folder}: is no folder; name the one that holds the data")
    if (folder / INTERACTIONS).exists():
        return read_interactions(folder, text)
    if any((folder / name).exists() for name in SESSION_LINES):
        return read_session_lines(folder, text)
    if (folder / CLICKS).exists():
        return read_click_sessions(folder, text)
    if find_order_lines(folder):
        return read_order_lines(folder, text)
    held = ", ".join(sorted(path.name for path in folder.iterdir())[:20]) or "nothing"
    raise ImportRefused(f"{folder}: is in no format that is known; it holds {held}; known are {_KNOWN}")
