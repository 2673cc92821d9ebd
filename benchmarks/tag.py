"""The gift shop's product page with our row, with a plain row, and with none, the rest of it alike: processes in turn.

*The query* is the one through the shop's own ``result_queryset``: from asking for it until its objects are there, the ORM's
part included. *The cards* are the shop's own template of a row. *Our own time* is all else that the tag does, with what the
middleware does after the page: reading who asks, making the slate, keeping the objects in order, finding the template,
signing the token, recording the view and the impression. It is read in two ways:

- by its parts, each timed where it happens, while the page is served (``own_time_p50_ms`` and ``own_*``);
- by pages that nobody looks into (``own_by_pages_p50_ms``): the page with our row, less the page with a plain one, which
  shows the very same products, fetched by their keys in one query and drawn by the same template. What our page has more of
  than that is the shop's all the same and is taken off: spare objects in the query, and the reason and the place on each
  card, by the difference of the two pages' queries and of their cards. The bytes of these are left on our account.

The bar is on both. No page is compressed; the visitor has given consent and looks at one product after another.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import p50, p99
from benchmarks.shop import serving
from benchmarks.shop_parts import PARTS

PAGES: Final = 300
PER_ROUND: Final = 10
WARM: Final = 30
# What stands in the place of the row, and what is asked there: pages as they are, or pages whose parts are timed.
KINDS: Final[dict[str, tuple[str, str]]] = {
    "with": ("templates", "pages"),
    "plain": ("templates_tag_plain templates", "pages"),
    "without": ("templates_tag_none templates", "pages"),
    "with_parts": ("templates", "parts"),
    "plain_parts": ("templates_tag_plain templates", "parts"),
}


def run() -> dict[str, float]:
    """Return the figures."""
    got: dict[str, dict[str, list[float]]] = {kind: {} for kind in KINDS}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        processes = {}
        for kind, (templates, _) in KINDS.items():
            processes[kind] = stack.enter_context(serving(Path(name) / kind, reco=True, BENCH_TEMPLATES=templates))
        addresses = processes["without"].ask("paths", n=PAGES + WARM)
        # What a visitor on the same way was shown.
        with serving(Path(name) / "before", reco=True, BENCH_TEMPLATES=KINDS["with"][0]) as before:
            shown = before.ask("rows", addresses=addresses)
        for kind in ("plain", "plain_parts"):
            processes[kind].ask("take_rows", shown=shown)
        for kind, (_, question) in KINDS.items():
            processes[kind].ask(question, addresses=addresses[:WARM])
        for start in range(WARM, PAGES + WARM, PER_ROUND):
            for kind in list(KINDS) if start // PER_ROUND % 2 else reversed(KINDS):
                answer = processes[kind].ask(KINDS[kind][1], addresses=addresses[start : start + PER_ROUND])
                for figure, values in answer.items():
                    got[kind].setdefault(figure, []).extend(values)
    return _figures(got)


def _figures(got: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, float]:
    parts, plain = got["with_parts"], got["plain_parts"]
    added = [a - b for a, b in zip(got["with"]["queries"], got["without"]["queries"], strict=True)]
    over_none = p50(_differences(got, "ms", "with", "without"))
    over_plain = p50(_differences(got, "ms", "with", "plain"))
    of_the_shop = sum(p50(parts[name]) - p50(plain[name]) for name in ("query", "cards"))
    pages = {f"page_{kind}_{name}_ms": of(got[kind]["ms"]) for kind in ("with", "plain", "without") for name, of in _TIMES}
    return {
        "own_time_p50_ms": p50(parts["own"]),
        "own_by_pages_p50_ms": over_plain - of_the_shop,
        "queries": max(added) if max(added) == min(added) else float("nan"),
        **{f"own_{part}_p50_ms": p50(parts[part]) for part in PARTS},
        "own_time_p99_ms": p99(parts["own"]),
        "query_p50_ms": p50(parts["query"]),
        "cards_p50_ms": p50(parts["cards"]),
        "plain_query_p50_ms": p50(plain["query"]),
        "plain_cards_p50_ms": p50(plain["cards"]),
        **pages,
        "page_with_parts_p50_ms": p50(parts["page"]),
        "with_less_plain_p50_ms": over_plain,
        "with_less_without_p50_ms": over_none,
        # Bytes that are joined and encoded; and what timing the parts cost, with the other sign.
        "rest_of_the_page_ms": over_none - p50(parts["own"]) - p50(parts["query"]) - p50(parts["cards"]),
        "bytes_with": p50(got["with"]["bytes"]),
        "bytes_plain": p50(got["plain"]["bytes"]),
        "bytes_without": p50(got["without"]["bytes"]),
    }


_TIMES: Final[tuple[tuple[str, Any], ...]] = (("p50", p50), ("p99", p99))


def _differences(got: Mapping[str, Mapping[str, Sequence[float]]], figure: str, more: str, less: str) -> list[float]:
    """Return the difference of each pair: the same pages in the same order."""
    return [a - b for a, b in zip(got[more][figure], got[less][figure], strict=True)]
