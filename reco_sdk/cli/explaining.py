"""Explanations as text."""

from __future__ import annotations

from reco_sdk.explaining import Explanation, WhyNot

__all__ = ["why_not_text", "why_text"]


def why_text(told: Explanation) -> str:
    """Return why each item is there: its parts, the largest first, and its place after each stage."""
    lines = []
    for item in told.items:
        ranks = ", ".join(f"{stage} {place}" for stage, place in item.ranks.items())
        lines.append(f"{item.position + 1}. {item.title} ({item.id})  {item.score:.3f}" + ("  fallback" if item.fallback else ""))
        lines += [f"   {part.contribution:+.3f}  {part.source}: {part.text}" for part in item.evidence]
        lines.append(f"   place after {ranks}")
    lines.append(
        f"{told.slate.strategy} for {told.slate.placement}, answered by {told.tier}: {told.allowed:,} allowed, "
        f"{told.candidates:,} candidates, {told.timings_ms.get('total', 0):.2f} ms"
    )
    return "\n".join(lines)


def why_not_text(missed: WhyNot) -> str:
    """Return what dropped an item, and what would show it."""
    lines = [f"{missed.title or missed.item_id}: {missed.stage}: {missed.text}"]
    lines += [f"  to show it: {change.text}" for change in missed.changes]
    return "\n".join(lines)
