"""What a training says to people: the comparison, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from reco_sdk.learning.gate import CANDIDATE, Verdict

__all__ = ["Training"]

_WORDS: Final = {
    "ships": "serves from now on",
    "refused": "is refused; what served goes on",
    "withdrawn": "is refused, and what served is withdrawn: the weights set by hand serve again",
    "nothing to learn": "nothing to learn yet; what served goes on",
}
_DRY: Final = {"ships": "would serve from now on", "withdrawn": "would be refused, and what serves be withdrawn"}


@dataclass(frozen=True, slots=True)
class Training:
    """What a training came to.

    Parameters
    ----------
    verdicts
        By strategy.
    model
        Name of the model that serves from now on, ``None`` where nothing changed.
    interactions
        How many were read.
    seconds
        How long it took, this time.
    resumed
        How many stages an earlier run had finished.
    """

    verdicts: tuple[Verdict, ...]
    model: str | None
    interactions: int
    seconds: float
    resumed: int

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return {
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "model": self.model,
            "interactions": self.interactions,
            "seconds": round(self.seconds, 1),
            "resumed": self.resumed,
        }

    def to_text(self, *, dry_run: bool = False) -> str:
        """Return a table for each strategy, with the verdict and its reason."""
        lines = []
        for verdict in self.verdicts:
            lines += [*_verdict_lines(verdict, dry_run=dry_run), ""]
        took = f"{self.interactions:,} interactions, {self.seconds:.0f} s"
        if self.resumed:
            took += f"; {self.resumed} stages were finished before"
        if dry_run:
            lines.append(f"{took}; nothing was written")
        else:
            lines.append(f"{took}; nothing changed" if self.model is None else f"{took}; {self.model} serves")
        return "\n".join(lines)


def _verdict_lines(verdict: Verdict, *, dry_run: bool) -> list[str]:
    word = _DRY.get(verdict.decision, _WORDS[verdict.decision]) if dry_run else _WORDS[verdict.decision]
    lines = [f"{verdict.strategy}: {word}"]
    if verdict.table:
        lines.append(f"  learnt from {verdict.learnt:,} questions ({verdict.kind}), decided by {verdict.asked:,} later ones")
        width = max(len(row.name) for row in verdict.table)
        lines.append(f"  {'':{width}}  NDCG@10  the candidate's lead, 95 %")
        for row in verdict.table:
            lead = "" if row.name == CANDIDATE else f"  {row.low:+.4f} to {row.high:+.4f}"
            lines.append(f"  {row.name:{width}}  {row.ndcg:.4f} {lead}".rstrip())
    lines.append(f"  because {verdict.reason}")
    return lines
