"""Evidence in plain words, and the words that two texts share. Each text is a message, which the Django app translates."""

from __future__ import annotations

import re
from typing import Final

from reco_sdk.messages import Said, said
from reco_sdk.ranking.rules import Rule
from reco_sdk.sources.context import Reason

__all__ = ["BY_CONTENT", "evidence_text", "feature_text", "rule_text", "shared_words"]

_WORD: Final = re.compile(r"[^\W\d_]{3,}")
_NUMBER: Final = re.compile(r"[0-9]+")
_COMMON: Final = frozenset(
    "and for with the from this that are your you has have its our all any not but out into one two new"
    " und mit für der die das den dem des ein eine einen von zum zur aus bei ist sind auch"
    " les des une aux avec pour par sur dans est qui que".split()
)
MOST_WORDS: Final = 4

BY_CONTENT: Final = frozenset({"similar_items", "session_items", "session_vector"})
"""Sources that compare texts."""
_FEATURES: Final = {
    "popularity": said("popularity"),
    "trend": said("trend"),
    "sales": said("sales"),
    "age": said("age"),
    "category": said("category"),
    "price": said("price"),
}


def shared_words(one: str, other: str) -> tuple[str, ...]:
    """Return words of ``one`` that ``other`` holds too, in the order of ``one``; a plural counts as its singular."""
    words = {_stem(word) for word in _WORD.findall(other.casefold())}
    shared = (word for word in _WORD.findall(one.casefold()) if word not in _COMMON and _stem(word) in words)
    return tuple(dict.fromkeys(shared))[:MOST_WORDS]


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def evidence_text(source: str, reason: Reason) -> Said:
    """Return what one source says of an item, with the counts behind it.

    Parameters
    ----------
    source
        Its name.
    reason
        As the source gives it.
    """
    title, people, times = reason.title, reason.people, reason.times
    if source == "co_purchase" and title:
        return said(
            "bought together with %(title)s in %(n)s order",
            "bought together with %(title)s in %(n)s orders",
            times, title=title, n=times,
        )  # fmt: skip
    if source == "co_occurrence" and title:
        if not people:
            return said("viewed together with %(title)s", title=title)
        return said(
            "viewed together with %(title)s by %(n)s visitor",
            "viewed together with %(title)s by %(n)s visitors",
            people, title=title, n=people,
        )  # fmt: skip
    if source == "session_knn":
        if not people:
            return said("chosen in sessions like this one")
        return said(
            "chosen by %(n)s visitor who viewed the same", "chosen by %(n)s visitors who viewed the same", people, n=people
        )
    if source in BY_CONTENT and title:
        similar = source == "similar_items"
        return said("similar to %(title)s", title=title) if similar else said("you viewed %(title)s", title=title)
    told = reason_text(reason)
    if people:
        return said("%(reason)s (%(n)s visitor lately)", "%(reason)s (%(n)s visitors lately)", people, reason=told, n=people)
    return told


def reason_text(reason: Reason) -> Said:
    """Return a source's reason as the message that it was made of: what it names and counts is taken out again."""
    before, named, after = reason.text.rpartition(reason.title) if reason.title else ("", "", reason.text)
    if named:
        return said(f"{_escaped(before)}%(title)s{_escaped(after)}", title=named)
    counted = _NUMBER.search(reason.text)
    if counted is None:
        return said(reason.text)
    before, after = reason.text[: counted.start()], reason.text[counted.end() :]
    return said(f"{_escaped(before)}%(number)s{_escaped(after)}", number=int(counted[0]))


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def feature_text(name: str) -> str:
    """Return what the learned fusion reads of an item itself, as people call it."""
    return _FEATURES.get(name) or name.replace("_", " ")


def rule_text(rule: Rule) -> Said:
    """Return a rule as people know it: by its id, and its note if it has one."""
    if not rule.note:
        return said("rule %(id)s", id=rule.id)
    return said("rule %(id)s (%(note)s)", id=rule.id, note=rule.note)
