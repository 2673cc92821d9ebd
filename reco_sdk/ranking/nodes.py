"""What a filter expression is made of, and how each piece is worked out over the columns of a catalogue.

A piece knows nothing of texts and grammar; :mod:`reco_sdk.ranking.expressions` makes it of them. Comparisons with what is
unknown are false, and ``not`` turns them round: ``not (brand == "Acme")`` holds where there is no brand.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np

from reco_sdk.items.catalogue import Columns, facet
from reco_sdk.items.tables import key_hash
from reco_sdk.types import BoolMask

__all__ = [
    "COMPARISONS",
    "FLAGS",
    "NUMBERS",
    "TIMES",
    "Arithmetic",
    "Both",
    "Column",
    "Compare",
    "Constant",
    "HasText",
    "Known",
    "Node",
    "Not",
    "Now",
    "Part",
    "Seed",
    "Text",
    "Texts",
    "path_of",
]

MASKS_KEPT: Final = 256

NUMBERS: Final[Mapping[str, Callable[[Columns], Any]]] = {
    "price": lambda c: c.price,
    "discount": lambda c: np.round(c.discount.astype(np.float64), 4),
    "quantity": lambda c: c.quantity,
    "rating": lambda c: c.rating,
    "rating_count": lambda c: c.rating_count,
}
TIMES: Final[Mapping[str, Callable[[Columns], Any]]] = {
    "published_at": lambda c: np.where(np.isfinite(c.published), c.published, np.nan),
    "expires_at": lambda c: np.where(np.isfinite(c.expires), c.expires, np.nan),
}
FLAGS: Final[Mapping[str, Callable[[Columns], BoolMask]]] = {
    "available": lambda c: c.available,
    "on_sale": lambda c: c.discount > 0,
}
COMPARISONS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}
_kept: WeakKeyDictionary[Columns, dict[Node, BoolMask]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Seed:
    """The item that a request starts from, as a row of some columns."""

    columns: Columns
    row: int

    def texts(self, kind: str) -> list[str]:
        """Return its values of one kind of text."""
        if kind == "id":
            return [self.columns.ids[self.row]]
        if kind == "category":
            code = int(self.columns.main_category[self.row])
            return [self.columns.facets.vocabulary[code].removeprefix("category=")] if code >= 0 else []
        return self.columns.facets.values(self.row, kind)


@dataclass(frozen=True, slots=True)
class Part:
    """The columns that an expression is worked out over, for one seed, at a time (epoch seconds)."""

    columns: Columns
    now: float
    seed: Seed | None
    keep: bool = False


class Node:
    """One piece of an expression.

    Parameters
    ----------
    kind
        ``boolean``, ``number``, ``time``, ``span`` (of time), ``text`` or ``path``.
    at
        Where it begins in the text.
    parts
        The pieces it is made of.
    """

    __slots__ = ("at", "depth", "kind", "needs_now", "needs_seed", "size")

    depth: int
    size: int
    needs_now: bool
    needs_seed: bool

    def __init__(
        self, kind: str, at: int, parts: Sequence[Node] = (), *, needs_seed: bool = False, needs_now: bool = False
    ) -> None:
        self.kind = kind
        self.at = at
        self.depth = 1 + max((part.depth for part in parts), default=0)
        self.size = 1 + sum(part.size for part in parts)
        self.needs_seed = needs_seed or any(part.needs_seed for part in parts)
        self.needs_now = needs_now or any(part.needs_now for part in parts)

    def value(self, part: Part) -> Any:
        """Return a mask, or an array or number of floats, NaN for what is unknown; not to be written to."""
        raise NotImplementedError

    def mask(self, part: Part) -> BoolMask:
        """Return the mask of a condition; kept with a snapshot's columns if nothing but them decides it."""
        if not part.keep or self.needs_seed or self.needs_now:
            return self._mask(part)
        kept = _kept.setdefault(part.columns, {})
        found = kept.get(self)
        if found is None:
            if len(kept) >= MASKS_KEPT:
                kept.clear()
            found = kept[self] = self._mask(replace(part, keep=False))
        return found

    def _mask(self, part: Part) -> BoolMask:
        found = np.asarray(self.value(part))
        return found if found.ndim else np.full(len(part.columns), bool(found))


class Constant(Node):
    """A number, a flag, a span of time, or a time."""

    __slots__ = ("constant",)

    def __init__(self, kind: str, at: int, constant: float) -> None:
        super().__init__(kind, at)
        self.constant = constant

    def value(self, part: Part) -> float:  # noqa: ARG002
        """Return it."""
        return self.constant


class Text(Node):
    """A text that was written down."""

    __slots__ = ("text",)

    def __init__(self, at: int, text: str) -> None:
        super().__init__("text", at)
        self.text = text


class Now(Node):
    """The time of the request."""

    __slots__ = ()

    def __init__(self, at: int) -> None:
        super().__init__("time", at, needs_now=True)

    def value(self, part: Part) -> float:
        """Return the time."""
        return part.now


class Column(Node):
    """A number, a time or a flag of each item, or of the seed."""

    __slots__ = ("name", "of_seed", "read")

    def __init__(self, name: str, at: int, *, of_seed: bool) -> None:
        kind, table = next((k, t) for k, t in (("number", NUMBERS), ("time", TIMES), ("boolean", FLAGS)) if name in t)
        super().__init__(kind, at, needs_seed=of_seed)
        self.name = name
        self.of_seed = of_seed
        self.read: Callable[[Columns], Any] = table[name]

    def value(self, part: Part) -> Any:
        """Return the column, or the seed's value."""
        if not self.of_seed:
            return self.read(part.columns)
        if part.seed is None:
            return False if self.kind == "boolean" else np.nan
        return self.read(part.seed.columns)[part.seed.row]


class Texts(Node):
    """The texts of a kind that each item has, or the seed: a brand, tags, a category."""

    __slots__ = ("name", "of_seed")

    def __init__(self, name: str, at: int, *, of_seed: bool) -> None:
        super().__init__("path" if name == "category" else "text", at, needs_seed=of_seed)
        self.name = name
        self.of_seed = of_seed


class Arithmetic(Node):
    """Two numbers made one."""

    __slots__ = ("left", "operator", "right")

    def __init__(self, kind: str, left: Node, sign: str, right: Node) -> None:
        super().__init__(kind, left.at, (left, right))
        self.left, self.operator, self.right = left, sign, right

    def value(self, part: Part) -> Any:
        """Return the result; what has none is infinite or unknown."""
        with np.errstate(all="ignore"):
            return _ARITHMETIC[self.operator](np.float64(1) * self.left.value(part), self.right.value(part))


class Compare(Node):
    """Two numbers, times or flags compared."""

    __slots__ = ("left", "operator", "right")

    def __init__(self, left: Node, sign: str, right: Node) -> None:
        super().__init__("boolean", left.at, (left, right))
        self.left, self.operator, self.right = left, sign, right

    def value(self, part: Part) -> Any:
        """Return where it holds."""
        left, right = self.left.value(part), self.right.value(part)
        if self.operator == "!=" and self.left.kind != "boolean":
            return ~np.asarray(left == right)
        return COMPARISONS[self.operator](left, right)


class HasText(Node):
    """Whether an item, or the seed, has one of some texts; a category holds those under it."""

    __slots__ = ("others", "texts")

    def __init__(self, texts: Texts, others: Sequence[Node]) -> None:
        super().__init__("boolean", texts.at, (texts, *others))
        self.texts = texts
        self.others = tuple(others)

    def value(self, part: Part) -> Any:
        """Return where it holds."""
        kind = self.texts.name
        wanted = [text for node in self.others for text in _texts_of(node, part, kind)]
        if self.texts.of_seed:
            return _seed_has(part.seed, kind, wanted)
        columns = part.columns
        out = np.zeros(len(columns), np.bool_)
        if kind == "group_id":
            for group in wanted:
                out |= columns.group == np.uint64(group)
        elif kind == "id":
            out[[row for row in map(columns.ids.row, wanted) if row >= 0]] = True
        else:
            for text in wanted:
                out[columns.facets.rows(facet(kind, text))] = True
        return out


class Known(Node):
    """Whether there is a value at all."""

    __slots__ = ("field",)

    def __init__(self, field: Column | Texts) -> None:
        super().__init__("boolean", field.at, (field,))
        self.field = field

    def value(self, part: Part) -> Any:
        """Return where there is one."""
        if isinstance(self.field, Column):
            found = self.field.value(part)
            return ~np.isnan(found) if self.field.kind != "boolean" else np.ones(np.shape(found), np.bool_)
        kind = self.field.name
        if self.field.of_seed:
            return part.seed is not None and (kind == "group_id" or bool(part.seed.texts(kind)))
        if kind in {"id", "group_id"}:
            return True
        facets, begin = part.columns.facets, f"{kind}="
        out = np.zeros(len(part.columns), np.bool_)
        for code in range(len(facets.vocabulary)):
            if facets.vocabulary[code].startswith(begin):
                out[facets.rows_of(code)] = True
        return out


class Not(Node):
    """The opposite."""

    __slots__ = ("condition",)

    def __init__(self, condition: Node) -> None:
        super().__init__("boolean", condition.at, (condition,))
        self.condition = condition

    def value(self, part: Part) -> BoolMask:
        """Return where the condition does not hold."""
        return ~self.condition.mask(part)


class Both(Node):
    """All of some conditions, or any of them."""

    __slots__ = ("all", "conditions")

    def __init__(self, conditions: Sequence[Node], *, all_of_them: bool) -> None:
        super().__init__("boolean", conditions[0].at, conditions)
        self.all = all_of_them
        flat = [c for given in conditions for c in self._parts_of(given)]
        # Those that no request decides are one piece: its mask is kept.
        varying = [c for c in flat if c.needs_seed or c.needs_now]
        fixed = [c for c in flat if not (c.needs_seed or c.needs_now)]
        if varying and len(fixed) > 1:
            fixed = [Both(fixed, all_of_them=all_of_them)]
        self.conditions: tuple[Node, ...] = (*fixed, *varying)

    def _parts_of(self, other: Node) -> Sequence[Node]:
        """Return a piece's conditions where it joins them in the same way, for brackets mean nothing then."""
        if not isinstance(other, Both) or other.all != self.all:
            return (other,)
        return [c for given in other.conditions for c in self._parts_of(given)]

    def value(self, part: Part) -> BoolMask:
        """Return where all of them hold, or any."""
        join = np.logical_and if self.all else np.logical_or
        found: BoolMask = self.conditions[0].mask(part)
        for place, condition in enumerate(self.conditions[1:]):
            found = join(found, condition.mask(part), out=found if place else None)
        return found


def _texts_of(node: Node, part: Part, kind: str) -> list[Any]:
    """Return the texts that a piece stands for; groups are compared by their hash, which is all that columns hold."""
    if isinstance(node, Text):
        if kind == "group_id":
            return [key_hash(node.text)]
        return [path_of(node.text) if kind == "category" else node.text]
    seed = part.seed
    if not isinstance(node, Texts) or seed is None:
        return []
    if node.name == "group_id":
        return [int(seed.columns.group[seed.row])]
    return seed.texts(node.name)


def _seed_has(seed: Seed | None, kind: str, wanted: Sequence[Any]) -> bool:
    if seed is None:
        return False
    if kind == "group_id":
        return int(seed.columns.group[seed.row]) in wanted
    if kind == "id":
        return seed.texts(kind)[0] in wanted
    keys = {facet(kind, text) for text in wanted}
    held = seed.columns.facets.values(seed.row, kind)
    return any(facet(kind, text) in keys for text in held)


def path_of(category: str) -> str:
    """Return a category's path as facets spell it, but for its case."""
    return " > ".join(part.strip() for part in category.split(">") if part.strip())
