"""What commands say: tables, JSON, bars."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from reco_sdk.items.item import Item
from reco_sdk.ranking.slate import Slate

__all__ = ["facts_text", "say", "say_json", "slate_text", "stage_bars"]


def say(text: str) -> None:
    """Write a line of the answer."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_json(value: object) -> None:
    """Write the answer as JSON."""
    say(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def slate_text(slate: Slate, items: Mapping[str, Item]) -> str:
    """Return a slate as a table: place, id, title, price, score, reason."""
    if not slate.items:
        return f"nothing to recommend ({slate.strategy}); `reco doctor` says why"
    rows = [("", "id", "title", "price", "score", "reason")]
    for entry in slate:
        item = items.get(entry.id)
        price = (
            "" if item is None or item.effective_price is None else f"{item.effective_price:,.2f} {item.currency or ''}".strip()
        )
        title = "" if item is None else item.title
        rows.append((str(entry.position + 1), entry.id, _short(title, 44), price, f"{entry.score:.3f}", entry.reason))
    return (
        _table(rows)
        + f"\n{slate.strategy} for {slate.placement}, answered by {slate.tier} in {slate.timings_ms.get('total', 0):.2f} ms"
    )


def facts_text(facts: Mapping[str, Any], indent: int = 0) -> str:
    """Return facts one a line, nested ones indented."""
    lines = []
    for name, value in facts.items():
        label = " " * indent + name.replace("_", " ")
        if isinstance(value, Mapping) and value:
            lines += [label, facts_text(value, indent + 2)]
        else:
            shown = "none" if value is None or value == {} else f"{value:,}" if type(value) is int else str(value)
            lines.append(f"{label}: {shown}")
    return "\n".join(lines)


@contextlib.contextmanager
def stage_bars(quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """Yield what draws one bar after another, by stage, on a terminal's standard error."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    try:
        from tqdm import tqdm  # noqa: PLC0415 - optional
    except ImportError:
        yield None
        return
    bars: dict[str, Any] = {}

    def draw(stage: str, done: int, total: int) -> None:
        if stage not in bars:
            for bar in bars.values():
                bar.close()
            bars[stage] = tqdm(desc=stage, file=sys.stderr, total=total, leave=False)
        bars[stage].total = total
        bars[stage].update(done - bars[stage].n)

    try:
        yield draw
    finally:
        for bar in bars.values():
            bar.close()


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
