import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from reco_sdk.importing import ImportOptions, ImportReport, Refusal, RefusalLog, import_items
from reco_sdk.storage.memory import MemoryStore


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    store = MemoryStore()
    await store.open()
    yield store
    await store.aclose()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


class Imported:
    """One import, its refusals kept."""

    def __init__(self, report: ImportReport, refusals: list[Refusal]) -> None:
        self.report = report
        self.refusals = refusals

    def named(self) -> list[tuple[int, str | None, str]]:
        return [(r.line, r.item_id, r.field) for r in self.refusals]


@pytest.fixture
def load(store: MemoryStore) -> Callable[..., object]:
    async def load(path: object, **options: object) -> Imported:
        refusals: list[Refusal] = []
        report = await import_items(store, path, ImportOptions(**options), refusals=RefusalLog(also=refusals.append))
        return Imported(report, refusals)

    return load


def jsonl(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
