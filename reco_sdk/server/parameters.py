"""Query parameters: declared once, for parsing and for the OpenAPI document."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from multidict import MultiMapping

from reco_sdk.ranking.filters import Filters
from reco_sdk.request import MAX_N, PLACEMENTS
from reco_sdk.server.problems import FieldError, Problem
from reco_sdk.strategies import STRATEGIES

__all__ = ["FILTERS", "RECOMMEND", "SIMILAR", "WHY_NOT", "Parameter", "filters_of", "parse"]

_TRUE: Final = frozenset({"true", "1", "yes"})
_FALSE: Final = frozenset({"false", "0", "no"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One query parameter.

    Parameters
    ----------
    name
        As it stands in the query.
    kind
        Of each value.
    description
        For the document.
    repeated
        Whether it may stand several times.
    default
        For the document; ``None`` for none.
    choices
        The values there are.
    required
        Whether it has to be given.
    """

    name: str
    kind: Literal["string", "integer", "number", "boolean"]
    description: str
    repeated: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    required: bool = False

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the value."""
        one: dict[str, Any] = {"type": self.kind}
        if self.choices:
            one["enum"] = list(self.choices)
        if self.name == "n":
            one |= {"minimum": 1, "maximum": MAX_N}
        if self.repeated:
            return {"type": "array", "items": one}
        return one if self.default is None else {**one, "default": self.default}


def _text(name: str, description: str, *, repeated: bool = False, default: Any = None, choices: Sequence[str] = ()) -> Parameter:
    return Parameter(
        name=name, kind="string", description=description, repeated=repeated, default=default, choices=tuple(choices)
    )


FILTERS: Final = (
    _text("category", "Only items at or under this path, such as `Women > Dresses`; several are alternatives.", repeated=True),
    _text("brand", "Only this brand; several are alternatives.", repeated=True),
    _text("tag", "Only items with this tag; several are alternatives.", repeated=True),
    _text("language", "Only items in this language; several are alternatives.", repeated=True),
    _text(
        "attribute",
        "Only items with this attribute, as `name:value`; several values of one name are alternatives.",
        repeated=True,
    ),
    Parameter(name="price_min", kind="number", description="What is asked now is at least this."),
    Parameter(name="price_max", kind="number", description="What is asked now is at most this."),
    _text("site", "The site or channel whose prices count; it is known by the `prices` of items."),
    _text("where", "An expression over an item's fields and the seed's, such as `price < 50 and brand == seed.brand`."),
    _text("only", "Nothing but these items.", repeated=True),
    _text("exclude", "None of these items.", repeated=True),
    Parameter(name="available", kind="boolean", default=True, description="Only what can be bought now."),
    Parameter(name="exclude_purchased", kind="boolean", default=True, description="Not what this visitor or user bought."),
    Parameter(name="one_per_group", kind="boolean", default=True, description="At most one variant of a product."),
)

_WHO: Final = (
    _text("visitor_id", "The browser that asks."),
    _text("user_id", "The account that asks."),
    Parameter(name="n", kind="integer", description="How many, by default 8 or what the placement says."),
)

_SEEDED: Final = ", ".join(f"`{name}`" for name, strategy in sorted(STRATEGIES.items()) if strategy.needs_seed)

RECOMMEND: Final = (
    *_WHO,
    _text("placement", "Where the slate will be shown.", default="home", choices=sorted(PLACEMENTS)),
    _text("strategy", "How it is composed. Default: what the settings say of the placement.", choices=sorted(STRATEGIES)),
    _text("seeds", f"Items it starts from; needed by {_SEEDED}.", repeated=True),
    _text("fallback", "Strategies to ask next as long as nothing was found.", repeated=True, choices=sorted(STRATEGIES)),
    Parameter(name="strict", kind="boolean", description="Only what the strategy's own sources find, no filler."),
    Parameter(name="relaxed", kind="boolean", description="Drop filters where fewer than `n` pass them."),
    _text("segments", "Groups that whoever asks belongs to, for rules that are meant for some.", repeated=True),
    *FILTERS,
)

WHY_NOT: Final = (Parameter(name="item", kind="string", description="The item that is missed.", required=True), *RECOMMEND)

SIMILAR: Final = (
    *_WHO,
    _text("placement", "Where the slate will be shown.", default="item", choices=sorted(PLACEMENTS)),
    *FILTERS,
)


def parse(query: MultiMapping[str], parameters: Sequence[Parameter]) -> dict[str, Any]:
    """Return the values given, typed; lists for repeated parameters.

    Raises
    ------
    Problem
        422, naming every parameter that is unknown, missing, given twice, or not of its kind.
    """
    known = {parameter.name: parameter for parameter in parameters}
    errors: list[FieldError] = []
    out: dict[str, Any] = {}
    for name in dict.fromkeys(query):
        parameter, texts = known.get(name), query.getall(name)
        if parameter is None:
            errors.append(FieldError(name, f"is no parameter; known are {', '.join(known)}"))
        elif len(texts) > 1 and not parameter.repeated:
            errors.append(FieldError(name, "stands several times; give it once"))
        else:
            try:
                values = [_value(text, parameter.kind) for text in texts]
            except ValueError as error:
                errors.append(FieldError(name, str(error)))
            else:
                out[name] = values if parameter.repeated else values[0]
    errors += [FieldError(name, "is missing") for name, one in known.items() if one.required and name not in query]
    if errors:
        raise Problem(422, "invalid-input", f"{errors[0].field}: {errors[0].reason}", errors)
    return out


def _value(text: str, kind: str) -> Any:
    shown = repr(text[:40])
    if kind == "integer":
        if len(text) > 18 or not text.lstrip("-").isdecimal() or not text.isascii():
            raise ValueError(f"{shown} is not a whole number")
        return int(text)
    if kind == "number":
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ValueError(f"{shown} is not a number")
        return number
    if kind == "boolean":
        lowered = text.lower()
        if lowered not in _TRUE | _FALSE:
            raise ValueError(f"{shown} is not true or false")
        return lowered in _TRUE
    return text


def filters_of(given: Mapping[str, Any]) -> Filters:
    """Return the filters among parsed parameters.

    Raises
    ------
    Problem
        422 for an attribute without a colon.
    InvalidRequest
        For bounds that cannot be.
    """
    attributes: dict[str, tuple[str, ...]] = {}
    for pair in given.get("attribute", ()):
        name, colon, value = pair.partition(":")
        if not (name and colon and value):
            error = FieldError("attribute", f"{pair[:40]!r} is not name:value")
            raise Problem(422, "invalid-input", f"attribute: {error.reason}", [error])
        attributes[name] = (*attributes.get(name, ()), value)
    return Filters(
        available=given.get("available", True),
        price_min=given.get("price_min"),
        price_max=given.get("price_max"),
        categories=tuple(given.get("category", ())),
        brands=tuple(given.get("brand", ())),
        languages=tuple(given.get("language", ())),
        tags=tuple(given.get("tag", ())),
        attributes=tuple(attributes.items()),
        site=given.get("site", ""),
        where=given.get("where", ""),
        only_ids=frozenset(given["only"]) if "only" in given else None,
        exclude_ids=frozenset(given.get("exclude", ())),
        exclude_purchased=given.get("exclude_purchased", True),
        one_per_group=given.get("one_per_group", True),
    )
