"""Evidence in plain words, and the words that two texts share."""

from __future__ import annotations

import re
from typing import Final

from reco_sdk.ranking.rules import Rule
from reco_sdk.sources.context import Reason

__all__ = ["BY_CONTENT", "evidence_text", "rule_text", "shared_words"]

_WORD: Final = re.compile(r"[^\W\d_]{3,}")
_COMMON: Final = frozenset(
    "and for with the from this that are your you has have its our all any not but out into one two new"
    " und mit für der die das den dem des ein eine einen von zum zur aus bei ist sind auch"
    " les des une aux avec pour par sur dans est qui que".split()
)
MOST_WORDS: Final = 4

BY_CONTENT: Final = frozenset({"similar_items", "session_items", "session_vector"})
"""Sources that compare texts."""


def shared_words(one: str, other: str) -> tuple[str, ...]:
    """Return words of ``one`` that ``other`` holds too, in the order of ``one``; a plural counts as its singular."""
    words = {_stem(word) for word in _WORD.findall(other.casefold())}
    shared = (word for word in _WORD.findall(one.casefold()) if word not in _COMMON and _stem(word) in words)
    return tuple(dict.fromkeys(shared))[:MOST_WORDS]


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def evidence_text(source: str, reason: Reason) -> str:
    """Return what one source says of an item, with the counts behind it.

    Parameters
    ----------
    source
        Its name.
    reason
        As the source gives it.
    """
    title, people = reason.title or "this", reason.people
    if source == "co_purchase":
        return f"bought together with {title} in {_count(reason.times, 'order')}"
    if source == "co_occurrence":
        return f"viewed together with {title}" + (f" by {_count(people, 'visitor')}" if people else "")
    if source == "session_knn":
        return f"chosen by {_count(people, 'visitor')} who viewed the same" if people else "chosen in sessions like this one"
    if source in BY_CONTENT and reason.title:
        return f"{'similar to' if source == 'similar_items' else 'you viewed'} {title}"
    said = reason.text[:1].lower() + reason.text[1:]
    return f"{said} ({_count(people, 'visitor')} lately)" if people else said


def rule_text(rule: Rule) -> str:
    """Return a rule as people know it: by its id, and its note if it has one."""
    return f"rule {rule.id}" + (f" ({rule.note})" if rule.note else "")


def _count(number: int, of: str) -> str:
    return f"{number:,} {of}" if number == 1 else f"{number:,} {of}s"
