"""``train_sessions.txt.gz``, one session a line in order, with ``test_pairs.txt.gz``: prefix TAB target."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from reco_sdk.errors import ImportRefused
from reco_sdk.evaluation.dataset import TEST, TRAIN, Dataset, make_log
from reco_sdk.evaluation.folders.interactions import read_items
from reco_sdk.evaluation.folders.tables import Ids

__all__ = ["SESSION_LINES", "read_session_lines"]

SESSION_LINES: Final = ("train_sessions.txt.gz", "train_sessions.txt")
TEST_PAIRS: Final = ("test_pairs.txt.gz", "test_pairs.txt")
_LONGEST: Final = 2**20


def read_session_lines(folder: Path, text: Sequence[str] | None) -> Dataset:
    """Read the folder. Times are places in the files, and each session is a user of its own.

    Pairs that follow one another, each prefix one item shorter, are one session: so the published list of pairs is asked
    in full, and intervals are taken over sessions.

    Raises
    ------
    ImportRefused
        When a file is missing, damaged, or a line cannot be read.
    """
    items = Ids()
    catalogue = read_items(folder, items, text)
    numbers: list[np.ndarray[tuple[int], np.dtype[np.int32]]] = []
    lengths: list[int] = []
    for _, line in _lines(_find(folder, SESSION_LINES)):
        tokens = line.split()
        if tokens:
            numbers.append(items.numbers(tokens))
            lengths.append(len(tokens))
    trained = len(lengths)
    if not trained:
        raise ImportRefused(f"{folder}: {SESSION_LINES[0]} holds no session")
    place = sum(lengths)
    questions: list[int] = []
    for session, asked in _test_sessions(_find(folder, TEST_PAIRS)):
        numbers.append(items.numbers(session))
        lengths.append(len(session))
        questions += [place + position for position in asked]
        place += len(session)
    if not questions:
        raise ImportRefused(f"{folder}: {TEST_PAIRS[0]} holds no pair")
    users = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    log, _ = make_log(
        users,
        np.concatenate(numbers),
        np.arange(place, dtype=np.float64),
        users,
        kinds="view_item",
        n_users=len(lengths),
        n_items=len(items),
    )
    return catalogue.dataset(
        folder,
        items,
        log,
        timed=False,
        parts=np.where(users < trained, TRAIN, TEST).astype(np.int8),
        questions=np.asarray(questions, np.int64),
    )


def _find(folder: Path, names: Sequence[str]) -> Path:
    found = next((folder / name for name in names if (folder / name).exists()), None)
    if found is None:
        raise ImportRefused(f"{folder}: has no {names[0]}")
    return found


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line."""
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            while raw := file.readline(_LONGEST):
                number += 1
                if len(raw) == _LONGEST:
                    raise ImportRefused(f"{path}, line {number:,}: is over {_LONGEST:,} bytes long; one session is one line")
                yield number, raw.decode("utf-8").rstrip("\r\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ImportRefused(f"{path}, line {number + 1:,}: cannot be read ({error}); fetch or export it again") from error


def _test_sessions(path: Path) -> Iterator[tuple[list[str], list[int]]]:
    """Yield sessions, and the positions in them that are asked for."""
    session: list[str] = []
    asked: list[int] = []
    for number, line in _lines(path):
        if not line.strip():
            continue
        prefix, tab, target = line.partition("\t")
        items = prefix.split()
        if not (tab and items and len(target.split()) == 1):
            raise ImportRefused(f"{path}, line {number:,}: {line[:60]!r} is not a prefix, a TAB and its target")
        whole = [*items, target.strip()]
        if asked and whole == session[: asked[-1]]:  # one item shorter than the pair before
            asked.append(len(items))
            continue
        if asked:
            yield session, asked[::-1]
        session, asked = whole, [len(items)]
    if asked:
        yield session, asked[::-1]
