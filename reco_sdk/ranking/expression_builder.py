"""Filter expressions: what each rule of their grammar makes, and whether it makes sense."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, Final

from reco_sdk.errors import InvalidExpression
from reco_sdk.items.catalogue import attribute_kind
from reco_sdk.items.item import AVAILABILITIES
from reco_sdk.ranking import nodes
from reco_sdk.ranking.nodes import FLAGS, NUMBERS, TIMES, Node

__all__ = ["FIELDS", "MAX_DEPTH", "MAX_SIZE", "RULES"]

MAX_SIZE: Final = 500
MAX_DEPTH: Final = 40
_HOUR: Final = 3_600.0

_TEXTS: Final = {
    "id": "id",
    "group_id": "group_id",
    "brand": "brand",
    "language": "language",
    "currency": "currency",
    "availability": "availability",
    "tag": "tag",
    "tags": "tag",
    "category": "category",
    "categories": "category",
}
_ATTRIBUTES: Final = frozenset({"attribute", "attributes"})
FIELDS: Final = (*NUMBERS, *TIMES, *FLAGS, "id", "group_id", "brand", "language", "currency", "availability", "tag", "category")
"""The fields of an item that an expression may name, beside ``attributes.<name>``."""


def _both(parts: Sequence[Node], *, all_of_them: bool) -> Node:
    return _checked(nodes.Both([_condition(part) for part in parts], all_of_them=all_of_them))


def _negate(part: Node) -> Node:
    return _checked(nodes.Not(_condition(part)))


def _comparison(left: Node, sign: Any, right: Node) -> Node:
    if str(sign) == "=":
        raise InvalidExpression(sign.start_pos, "write == to compare")
    return _compare(left, str(sign), right)


def _between(value: Node, low: Node, high: Node) -> Node:
    return _checked(nodes.Both([_compare(value, ">=", low), _compare(value, "<=", high)], all_of_them=True))


def _one_of(value: Node, others: Any) -> Node:
    listed: list[Node] = others if isinstance(others, list) else []
    if not isinstance(others, list | nodes.Texts):
        raise InvalidExpression(others.at, 'give a list, such as ["a", "b"], or texts of the seed, such as seed.tags')
    if isinstance(value, nodes.Texts) and value.name != "category":
        return _has_text(value, [others] if isinstance(others, nodes.Texts) else listed)
    if not listed:
        raise InvalidExpression(value.at, _no_list(value))
    choices = [_compare(value, "==", other) for other in listed]
    return choices[0] if len(choices) == 1 else _checked(nodes.Both(choices, all_of_them=False))


def _under(value: Node, others: Any) -> Node:
    if not isinstance(value, nodes.Texts) or value.name != "category":
        raise InvalidExpression(value.at, 'only a category is under another: category under "Women > Dresses"')
    given = others if isinstance(others, list) else [others]
    for other in given:
        if not isinstance(other, nodes.Text) and not (isinstance(other, nodes.Texts) and other.name == "category"):
            raise InvalidExpression(other.at, 'give the path of a category, such as "Women > Dresses", or seed.category')
    return _checked(nodes.HasText(value, given))


def _known(value: Node) -> Node:
    if not isinstance(value, nodes.Column | nodes.Texts):
        raise InvalidExpression(value.at, "only a field can be known or unknown")
    return _checked(nodes.Known(value))


def _sign(sign: Any, value: Node) -> Node:
    if value.kind not in {"number", "span"}:
        raise InvalidExpression(value.at, f"{_what(value)} has no sign")
    minus = nodes.Constant("number", sign.start_pos, -1.0 if sign == "-" else 1.0)
    return _arithmetic(minus, "*", value)


def _number(*tokens: Any) -> Node:
    value = float("".join(tokens))
    if not math.isfinite(value):
        raise InvalidExpression(tokens[0].start_pos, "this number is too large")
    return nodes.Constant("number", tokens[0].start_pos, value)


def _span(number: Any, unit: Any) -> Node:
    seconds = _HOUR if unit.lower().startswith("hour") else 24 * _HOUR
    return nodes.Constant("span", number.start_pos, _number(number).value(None) * seconds)  # type: ignore[arg-type]


def _unquoted(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.DOTALL)


def _checked(node: Node) -> Node:
    if node.depth > MAX_DEPTH:
        raise InvalidExpression(node.at, f"is nested more than {MAX_DEPTH} deep; write it simpler")
    if node.size > MAX_SIZE:
        raise InvalidExpression(node.at, f"has more than {MAX_SIZE} pieces; write it shorter")
    return node


def _condition(node: Node) -> Node:
    if node.kind != "boolean":
        raise InvalidExpression(node.at, f"{_what(node)} is no condition; compare it with something")
    return _checked(node)


def _field(tokens: Sequence[Any]) -> Node:
    at, words = tokens[0].start_pos, [str(token) for token in tokens]
    if len(words) == 1 and words[0].lower() in {"true", "false"}:
        return nodes.Constant("boolean", at, words[0].lower() == "true")
    if words == ["now"]:
        return nodes.Now(at)
    of_seed = words[0] == "seed"
    if of_seed:
        words, tokens = words[1:], tokens[1:]
        if not words:
            raise InvalidExpression(at, "name a field of the seed, such as seed.price")
    name = words[0]
    if name in _ATTRIBUTES:
        if len(words) != 2:
            raise InvalidExpression(at, 'name one attribute, such as attributes.colour or attributes["shoe size"]')
        key = _unquoted(words[1]) if tokens[1].type == "STRING" else words[1]
        return nodes.Texts(attribute_kind(key), at, of_seed=of_seed)
    if len(words) == 1 and name in _TEXTS:
        return nodes.Texts(_TEXTS[name], at, of_seed=of_seed)
    if len(words) == 1 and (name in NUMBERS or name in TIMES or name in FLAGS):
        return nodes.Column(name, at, of_seed=of_seed)
    raise InvalidExpression(tokens[0].start_pos, _no_field(name, words[1:]))


def _no_field(name: str, rest: Sequence[str]) -> str:
    shown = name[:40]
    if rest and (name in _TEXTS or name in NUMBERS or name in TIMES or name in FLAGS):
        return f"{shown!r} has no parts; leave out what follows it"
    near = get_close_matches(shown.lower(), [*FIELDS, "tags", "attributes", "seed", "now"], n=1, cutoff=0.5)
    return f"{shown!r} is not a field; " + (f"did you mean {near[0]}?" if near else f"known are {', '.join(FIELDS)}, attributes")


def _what(node: Node) -> str:
    if isinstance(node, nodes.Text):
        return f"the text {node.text[:40]!r}"
    if isinstance(node, nodes.Texts | nodes.Column):
        return node.name.replace("attribute.", "attributes.")
    return {"number": "a number", "time": "a time", "span": "a span of time", "boolean": "a condition"}.get(node.kind, "this")


def _no_list(value: Node) -> str:
    if isinstance(value, nodes.Texts):
        return 'a category is under others: category under ["Women", "Men"]'
    return f"{_what(value)} is compared with a list of values, and there is none"


def _arithmetic(left: Node, sign: str, right: Node) -> Node:
    kinds = {
        ("number", "+", "number"): "number",
        ("number", "-", "number"): "number",
        ("number", "*", "number"): "number",
        ("number", "/", "number"): "number",
        ("time", "+", "span"): "time",
        ("span", "+", "time"): "time",
        ("time", "-", "span"): "time",
        ("time", "-", "time"): "span",
        ("span", "+", "span"): "span",
        ("span", "-", "span"): "span",
        ("span", "*", "number"): "span",
        ("number", "*", "span"): "span",
        ("span", "/", "number"): "span",
        ("span", "/", "span"): "number",
    }
    kind = kinds.get((left.kind, sign, right.kind))
    if kind is None:
        mend = "; give it a unit, such as 30 days" if {left.kind, right.kind} == {"time", "number"} else ""
        raise InvalidExpression(right.at, f"{_what(left)} {sign} {_what(right)} makes no sense{mend}")
    return _checked(nodes.Arithmetic(kind, left, sign, right))


def _compare(left: Node, sign: str, right: Node) -> Node:
    if left.kind == "time" and isinstance(right, nodes.Text):
        right = _time(right)
    elif right.kind == "time" and isinstance(left, nodes.Text):
        left = _time(left)
    for side in (left, right):
        if side.kind == "path":
            raise InvalidExpression(side.at, 'a category is under another: category under "Women > Dresses"')
    if left.kind == right.kind == "text":
        return _compare_texts(left, sign, right)
    if left.kind != right.kind:
        mend = "; leave out the quotes" if "text" in {left.kind, right.kind} and "number" in {left.kind, right.kind} else ""
        raise InvalidExpression(right.at, f"{_what(left)} cannot be compared with {_what(right)}{mend}")
    if left.kind == "boolean" and sign not in {"==", "!="}:
        raise InvalidExpression(left.at, "conditions have no order; use == or !=")
    return _checked(nodes.Compare(left, sign, right))


def _compare_texts(left: Node, sign: str, right: Node) -> Node:
    if sign not in {"==", "!="}:
        raise InvalidExpression(left.at, "texts have no order; use == , != or in")
    if isinstance(left, nodes.Text):
        left, right = right, left
    if not isinstance(left, nodes.Texts):
        raise InvalidExpression(left.at, "compares two texts; name a field")
    if left.of_seed and isinstance(right, nodes.Texts):
        left, right = right, left
    found = _has_text(left, [right])
    return found if sign == "==" else _checked(nodes.Not(found))


def _has_text(field: nodes.Texts, others: Sequence[Node]) -> Node:
    for other in others:
        if isinstance(other, nodes.Texts):
            if not other.of_seed:
                mend = f"seed.{_what(other)}"
                raise InvalidExpression(other.at, f"two fields of an item cannot be compared; did you mean {mend}?")
            if other.name == "category" or ("group_id" in {field.name, other.name} and field.name != other.name):
                raise InvalidExpression(other.at, f"{_what(field)} cannot be compared with seed.{_what(other)}")
        elif not isinstance(other, nodes.Text):
            raise InvalidExpression(other.at, f"{_what(field)} is a text; write this in quotes")
        elif field.name == "availability" and other.text.strip().lower() not in AVAILABILITIES:
            known = ", ".join(sorted(AVAILABILITIES))
            raise InvalidExpression(other.at, f"{other.text[:40]!r} is no availability; use one of {known}")
    return _checked(nodes.HasText(field, others))


def _time(text: nodes.Text) -> Node:
    try:
        found = datetime.fromisoformat(text.text.strip())
        seconds = (found.replace(tzinfo=UTC) if found.tzinfo is None else found).timestamp()
    except (ValueError, OverflowError):
        raise InvalidExpression(text.at, f"{text.text[:40]!r} is no date such as 2026-01-31 or 2026-01-31T12:00") from None
    return nodes.Constant("time", text.at, seconds)


RULES: Final[Mapping[str, Callable[..., Any]]] = {
    "start": _condition,
    "disjunction": lambda *parts: _both(parts, all_of_them=False),
    "conjunction": lambda *parts: _both(parts, all_of_them=True),
    "negate": _negate,
    "group": lambda part: part,
    "compare": _comparison,
    "between": _between,
    "not_between": lambda *parts: _negate(_between(*parts)),
    "one_of": _one_of,
    "none_of": lambda *parts: _negate(_one_of(*parts)),
    "under": _under,
    "not_under": lambda *parts: _negate(_under(*parts)),
    "known": _known,
    "unknown": lambda part: _negate(_known(part)),
    "arithmetic": _arithmetic,
    "sign": _sign,
    "number": _number,
    "span": _span,
    "text": lambda token: nodes.Text(token.start_pos, _unquoted(token)),
    "listed": lambda *values: list(values),
    "field": lambda *tokens: _field(tokens),
}
"""What each rule of the grammar makes of what it found; raises :class:`~reco_sdk.errors.InvalidExpression`."""
