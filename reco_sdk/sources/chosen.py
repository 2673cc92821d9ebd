"""What the shop itself chose: items that a rule puts into their place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from reco_sdk.ports import Candidates
from reco_sdk.sources.context import Context, Reason, no_candidates

__all__ = ["CHOSEN", "Chosen"]


class Chosen:
    """Proposes nothing by itself; it only says why what is pinned stands there."""

    name: ClassVar[str] = "pinned"

    def candidates(self, context: Context, k: int) -> Candidates:  # noqa: ARG002
        """Return nothing: rules put in what they pin."""
        return no_candidates()

    def reasons(self, context: Context, rows: Sequence[int]) -> list[Reason]:  # noqa: ARG002
        """Say that the shop chose it."""
        return [Reason("Chosen by the shop")] * len(rows)


CHOSEN: Final = Chosen()
