"""JSON schemas of what goes in and out."""

from __future__ import annotations

from typing import Any, Final

from reco_sdk.interactions.interaction import KINDS, MAX_TEXT
from reco_sdk.items.item import AVAILABILITIES, MAX_DESCRIPTION, MAX_ENTRIES, MAX_ID, MAX_SHORT, MAX_TITLE
from reco_sdk.ranking.rules import ACTIONS, MAX_SLOT

__all__ = ["SCHEMAS"]


def _optional(kind: str, description: str = "", **more: Any) -> dict[str, Any]:
    return {"type": [kind, "null"], **({"description": description} if description else {}), **more}


def _object(properties: dict[str, Any], required: tuple[str, ...] | None = None, *, closed: bool = False) -> dict[str, Any]:
    out: dict[str, Any] = {"type": "object", "properties": properties}
    needed = tuple(properties) if required is None else required
    if needed:
        out["required"] = list(needed)
    if closed:
        out["additionalProperties"] = False
    return out


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


_TEXT: Final = {"type": "string"}
_COUNT: Final = {"type": "integer", "minimum": 0}
_TIME: Final = {"type": ["string", "null"], "format": "date-time"}
_TEXTS: Final = {"type": "array", "maxItems": MAX_ENTRIES, "items": {"type": "string", "maxLength": MAX_SHORT}}

_ITEM: Final = _object(
    {
        "id": {"type": "string", "minLength": 1, "maxLength": MAX_ID},
        "title": {"type": "string", "minLength": 1, "maxLength": MAX_TITLE},
        "description": {"type": "string", "maxLength": MAX_DESCRIPTION},
        "group_id": _optional("string", "Shared by the variants of one product."),
        "categories": {**_TEXTS, "description": "Paths from the root, `Women > Dresses`; the first is the main one."},
        "brand": _optional("string"),
        "price": _optional("number", minimum=0),
        "sale_price": _optional("number", "What is asked now, if it is lower.", minimum=0),
        "currency": _optional("string", "ISO 4217."),
        "prices": {
            "type": "object",
            "description": "What sites ask where it is another price: a price, or price and sale price.",
            "maxProperties": MAX_ENTRIES,
            "additionalProperties": {
                "anyOf": [{"type": "number", "minimum": 0}, {"type": "array", "items": {"type": "number"}, "maxItems": 2}]
            },
        },
        "availability": {"type": "string", "enum": sorted(AVAILABILITIES), "default": "in_stock"},
        "quantity": _optional("integer", "Pieces in stock.", minimum=0),
        "image_url": _optional("string"),
        "page_url": _optional("string"),
        "attributes": {
            "type": "object",
            "maxProperties": MAX_ENTRIES,
            "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        },
        "tags": _TEXTS,
        "rating": _optional("number", minimum=0, maximum=5),
        "rating_count": _optional("integer", minimum=0),
        "published_at": _TIME,
        "expires_at": _TIME,
        "language": _optional("string", "BCP 47."),
    },
    ("id", "title"),
    closed=True,
)

_INTERACTION: Final = _object(
    {
        "kind": {"type": "string", "enum": sorted(KINDS)},
        "item_id": _optional("string", "Needed but for a search."),
        "visitor_id": _optional("string", "This or user_id is needed."),
        "user_id": _optional("string"),
        "session_id": _optional("string"),
        "at": {"type": "string", "format": "date-time", "description": "Default: now."},
        "quantity": {"type": "integer", "minimum": 1, "default": 1},
        "value": _optional("number", "Price of one piece, or the rating.", minimum=0),
        "currency": _optional("string"),
        "query": _optional("string", "Of a search.", maxLength=MAX_TEXT),
        "placement": _optional("string"),
        "slate_id": _optional("string", "Of the slate that showed the item."),
        "position": _optional("integer", "Place in that slate, from 0.", minimum=0),
        "event_id": {"type": "string", "description": "The same id is stored once. Default: a fresh one."},
    },
    ("kind",),
    closed=True,
)

_RECOMMENDED: Final = _object(
    {
        "id": _TEXT,
        "score": {"type": "number", "description": "Comparable within one slate only."},
        "reason": _TEXT,
        "reason_kind": _TEXT,
        "reason_item_id": _optional("string"),
        "contributions": {"type": "object", "additionalProperties": {"type": "number"}},
        "position": _COUNT,
    }
)

_SLATE: Final = _object(
    {
        "id": {"type": "string", "description": "To be quoted as slate_id by the interactions that follow."},
        "strategy": _TEXT,
        "placement": _TEXT,
        "tier": {"type": "string", "description": "What answered: personal, similar, popular, cached or empty."},
        "at": {"type": "string", "format": "date-time"},
        "items": {"type": "array", "items": _ref("RecommendedItem")},
        "timings_ms": {"type": "object", "additionalProperties": {"type": "number"}},
        "fallback": {"type": "string", "description": "The strategy that stood in for the placement's own; empty: none had to."},
        "relaxed": {"type": "array", "items": _TEXT, "description": "Filters that were dropped to fill the row."},
    }
)

_FIELD_ERROR: Final = _object(
    {
        "index": _optional("integer", "Place in the list that was sent, from 0."),
        "item_id": _optional("string"),
        "field": _TEXT,
        "reason": _TEXT,
    }
)

_RULE: Final = _object(
    {
        "id": {"type": "string", "minLength": 1, "maxLength": 64},
        "action": {"type": "string", "enum": list(ACTIONS)},
        **{name: {"type": "array", "items": _TEXT} for name in ("items", "categories", "brands")},
        "where": {"type": "string", "description": "A filter expression."},
        "slot": _optional("integer", "Of a pin: 1 is the first place.", minimum=1, maximum=MAX_SLOT),
        "factor": _optional("number", "Of a boost (above 1) or a bury (below 1).", exclusiveMinimum=0),
        "strategy": _optional("string", "Of a replacement."),
        **{
            name: {"type": "array", "items": _TEXT}
            for name in ("placements", "strategies", "in_categories", "sites", "languages", "segments")
        },
        "starts_at": _TIME,
        "ends_at": _TIME,
        "priority": {"type": "integer", "default": 0},
        "note": _TEXT,
        "enabled": {"type": "boolean", "default": True},
    },
    ("action",),
    closed=True,
)

_NUMBERS: Final = {"type": "object", "additionalProperties": {"type": "number"}}
_COUNTS: Final = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}}

_EVIDENCE: Final = _object(
    {
        "source": {"type": "string", "description": "A source, a property that the learned fusion reads, or a rule."},
        "contribution": {"type": "number", "description": "Its part of the score."},
        "text": {"type": "string", "description": "For the shop's staff, not for shoppers."},
        "item_id": _optional("string", "The item that the text speaks of."),
        "people": _COUNT,
        "times": _COUNT,
        "rank": {**_COUNT, "description": "The item's place among what the source proposed, from 1; 0 for none."},
    }
)

_EXPLANATION: Final = _object(
    {
        "strategy": _TEXT,
        "placement": _TEXT,
        "tier": _TEXT,
        "fallback": _TEXT,
        "items": {
            "type": "array",
            "items": _object(
                {
                    "id": _TEXT,
                    "title": _TEXT,
                    "position": _COUNT,
                    "score": {"type": "number"},
                    "reason": {"type": "string", "description": "What a shopper may read."},
                    "fallback": {"type": "boolean"},
                    "ranks": {**_COUNTS, "description": "Its place after each stage, from 1."},
                    "evidence": {"type": "array", "items": _EVIDENCE},
                }
            ),
        },
        "sources": {
            "type": "array",
            "items": _object({"source": _TEXT, "weight": {"type": "number"}, "proposed": _COUNT}),
        },
        "allowed": _COUNT,
        "candidates": _COUNT,
        "timings_ms": _NUMBERS,
    }
)

_WHY_NOT: Final = _object(
    {
        "item_id": _TEXT,
        "title": _TEXT,
        "stage": {"type": "string", "description": "The first that dropped it, or `shown`."},
        "text": _TEXT,
        "position": _COUNT,
        "rank": _COUNT,
        "score": {"type": "number"},
        "last_score": {"type": "number"},
        "nearest": {**_COUNTS, "description": "Its place in what each source would propose if asked for more."},
        "changes": {
            "type": "array",
            "description": "All of them together show it.",
            "items": _object(
                {
                    "text": _TEXT,
                    "item": {"type": "object", "description": "Fields that the item would need."},
                    "request": {"type": "array", "items": _TEXT, "description": "Fields of the request that would differ."},
                    "rules": {"type": "array", "items": _TEXT, "description": "Rules to be taken back or changed."},
                }
            ),
        },
        "timings_ms": _NUMBERS,
    }
)

SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "Item": _ITEM,
    "Interaction": _INTERACTION,
    "RecommendedItem": _RECOMMENDED,
    "Rule": _RULE,
    "Rules": _object(
        {
            "rules": {"type": "array", "items": _ref("Rule")},
            "conflicts": {
                "type": "array",
                "items": _object({"kind": _TEXT, "rule_ids": {"type": "array", "items": _TEXT}, "text": _TEXT}),
            },
        }
    ),
    "Slate": _SLATE,
    "Explanation": _EXPLANATION,
    "WhyNot": _WHY_NOT,
    "UpsertReport": _object({"version": _COUNT, "inserted": _COUNT, "changed": _COUNT, "unchanged": _COUNT}),
    "Accepted": _object({"accepted": _COUNT}),
    "Health": _object(
        {
            "status": {"type": "string", "enum": ["ok", "degraded"]},
            "items": _COUNT,
            "recorder": {
                **_object({"at_risk": _COUNT, "dropped": _COUNT}),
                "description": "Interactions not stored so far, and let go because the buffer was full.",
            },
        }
    ),
    "OpenAPI": _object({"openapi": _TEXT, "info": {"type": "object"}, "paths": {"type": "object"}}),
    "FieldError": _FIELD_ERROR,
    "Problem": {
        **_object(
            {
                "type": _TEXT,
                "title": _TEXT,
                "status": {"type": "integer"},
                "detail": _TEXT,
                "request_id": _TEXT,
                "errors": {"type": "array", "items": _ref("FieldError")},
            },
            ("type", "title", "status", "detail", "request_id"),
        ),
        "description": "RFC 9457.",
    },
}
