"""Explaining: why an item is in a slate, and why another is not. Off the request path: it asks the engine again, with a trace."""

from reco_sdk.explaining.answers import Change, Evidence, Explanation, ItemExplanation, WhyNot
from reco_sdk.explaining.chain import answering, explained
from reco_sdk.explaining.preview import with_rule
from reco_sdk.explaining.why import explain
from reco_sdk.explaining.why_not import why_not

__all__ = [
    "Change",
    "Evidence",
    "Explanation",
    "ItemExplanation",
    "WhyNot",
    "answering",
    "explain",
    "explained",
    "why_not",
    "with_rule",
]
