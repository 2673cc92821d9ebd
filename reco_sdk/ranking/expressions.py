"""Filter expressions in a shop's words, over an item's fields and the seed's: text → checked pieces → a mask over the rows.

::

    brand == seed.brand and price between 0.8*seed.price and 1.5*seed.price
    category under "Women" and not (tag in ["sample", "gift card"])

Nothing is evaluated as code: a parser reads a small grammar (``expressions.lark``), each word is looked up in a table, and
the pieces are worked out by numpy. Length, size and depth are bounded before anything is worked out. The parser is
loaded when the first expression is read, and each text is read once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from importlib import resources
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reco_sdk.errors import InvalidExpression
from reco_sdk.items.catalogue import Columns
from reco_sdk.ranking import nodes
from reco_sdk.ranking.expression_builder import FIELDS, MAX_DEPTH, RULES
from reco_sdk.ranking.nodes import Node
from reco_sdk.snapshot.view import View
from reco_sdk.types import BoolMask

if TYPE_CHECKING:
    from lark import Lark

__all__ = ["FIELDS", "MAX_DEPTH", "MAX_LENGTH", "Expression", "parse_expression"]

MAX_LENGTH: Final = 10_000
_SHAPES: Final = re.compile(r"[(\[]|[)\]]")


class Expression:
    """A filter expression that was read and makes sense.

    Parameters
    ----------
    text
        As it was written.
    root
        Its pieces.
    """

    __slots__ = ("needs_now", "needs_seed", "root", "text")

    def __init__(self, text: str, root: Node) -> None:
        self.text = text
        self.root = root
        self.needs_seed = root.needs_seed
        self.needs_now = root.needs_now

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def mask(self, view: View, now: float, seeds: Sequence[int] = ()) -> BoolMask:
        """Return the rows for which it holds, a fresh array.

        Parameters
        ----------
        view
            The rows.
        now
            Epoch seconds.
        seeds
            Rows that the request starts from. What speaks of the seed holds if it does for one of them, and never
            without one.
        """
        if not self.needs_seed:
            return self._mask(view, now, None)
        out: BoolMask | None = None
        for row in seeds:
            in_base = row < view.n_base
            seed = nodes.Seed(view.columns if in_base else view.delta, row if in_base else row - view.n_base)
            found = self._mask(view, now, seed)
            out = found if out is None else np.logical_or(out, found, out=out)
        return np.zeros(len(view), np.bool_) if out is None else out

    def mask_of(self, columns: Columns) -> BoolMask:
        """Return it over the rows of some columns, for what speaks of no seed and no time; kept nowhere."""
        return self.root.mask(nodes.Part(columns, 0.0, None))

    def _mask(self, view: View, now: float, seed: nodes.Seed | None) -> BoolMask:
        base = self.root.mask(nodes.Part(view.columns, now, seed, keep=True))
        if not view.n_delta:
            return base if self.needs_seed or self.needs_now else np.array(base)  # what is kept is not given away
        return np.concatenate((base, self.root.mask(nodes.Part(view.delta, now, seed))))


@lru_cache(1_024)
def parse_expression(text: str) -> Expression:
    """Read an expression.

    Raises
    ------
    InvalidExpression
        Naming the position and the mend.
    """
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken  # noqa: PLC0415  only where expressions are used

    if len(text) > MAX_LENGTH:
        raise InvalidExpression(MAX_LENGTH, f"has {len(text):,} characters; at most {MAX_LENGTH:,} are read")
    if not text.strip():
        raise InvalidExpression(0, "is empty; leave it out for no condition")
    _check_brackets(text)
    try:
        root: Any = _parser().parse(text)
    except UnexpectedCharacters as error:
        at = error.pos_in_stream or 0
        raise InvalidExpression(at, _strange(text, at)) from None
    except UnexpectedToken as error:
        raise _unexpected(text, error) from None
    return Expression(text, root)


@cache
def _parser() -> Lark:
    from lark import Lark  # noqa: PLC0415  only where expressions are used

    def unpacked(make: Callable[..., Any]) -> Callable[[Sequence[Any]], Any]:
        return lambda found: make(*found)

    builder: Any = SimpleNamespace(**{name: unpacked(make) for name, make in RULES.items()})
    grammar = resources.files("reco_sdk.ranking").joinpath("expressions.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", transformer=builder, maybe_placeholders=False)


def _check_brackets(text: str) -> None:
    """Refuse what is nested too deep before it is read."""
    depth = 0
    for match in _SHAPES.finditer(text):
        depth += 1 if match[0] in "([" else -1
        if depth > MAX_DEPTH:
            raise InvalidExpression(match.start(), f"brackets stand more than {MAX_DEPTH} deep; write it simpler")


def _strange(text: str, at: int) -> str:
    char = text[at]
    mends = {"&": "write and", "|": "write or", "!": "write not, or != to compare", "=": "write == to compare"}
    if char in "\"'":
        return "the quote that begins here is not closed"
    return f"{char!r} is not understood" + (f"; {mends[char]}" if char in mends else "")


def _unexpected(text: str, error: Any) -> InvalidExpression:
    token = error.token
    if token.type == "$END":
        return InvalidExpression(len(text), "it ends too early; something is missing here")
    shown, at = str(token)[:40], token.start_pos
    if token.type == "NAME" and shown.lower() in {"under", "between", "in", "is", "contains", "like"}:
        return InvalidExpression(at, f"{shown!r} needs a field before it")
    if token.type == "OPERATOR" and "OPERATOR" not in error.expected:
        return InvalidExpression(at, f"{shown!r} cannot stand here; join comparisons with and")
    return InvalidExpression(at, f"{shown!r} cannot stand here; an and, an or, or a comparison may be missing before it")
