"""Random filter expressions as trees, their text, and a plain evaluation of them over items: what numpy must agree with."""

import math
import operator
from datetime import UTC, datetime

from hypothesis import strategies as st

from reco_sdk import Item

BRANDS = ("Acme", "Blåhaj", "straße co", 'q"uote')
TAGS = ("sale", "Sample", "gift card")
PATHS = ("Women", "Women > Dresses", "Women>Dresses > Summer", "Men", "Home > Kitchen")
COLOURS = ("red", "Blue", "grün")
NUMBERS = {
    "price": lambda i: i.effective_price,
    "discount": lambda i: round(float(_float32(i.discount)), 4),
    "quantity": lambda i: i.quantity,
    "rating": lambda i: i.rating,
    "rating_count": lambda i: i.rating_count or 0,
}
TIMES = {"published_at": lambda i: i.published_at, "expires_at": lambda i: i.expires_at}
FLAGS = {"available": lambda i: i.is_available, "on_sale": lambda i: i.discount > 0}
TEXTS = {
    "brand": lambda i: [i.brand] if i.brand else [],
    "language": lambda i: [i.language] if i.language else [],
    "availability": lambda i: [i.availability],
    "tag": lambda i: list(i.tags),
    "attributes.colour": lambda i: _attribute(i, "colour"),
    'attributes["shoe size"]': lambda i: _attribute(i, "shoe size"),
}
COMPARE = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
WORDS = {
    "brand": BRANDS,
    "language": ("en", "de"),
    "availability": ("in_stock", "preorder", "out_of_stock"),
    "tag": TAGS,
    "attributes.colour": COLOURS,
    'attributes["shoe size"]': ("38", "39"),
}


def _float32(value):
    import numpy as np

    return np.float32(value)


def _attribute(item, name):
    value = item.attributes.get(name, ())
    return [value] if isinstance(value, str) else list(value)


def optional(values):
    return st.none() | values


days = st.integers(0, 60).map(lambda day: datetime(2026, 2, 1, tzinfo=UTC).replace(day=1 + day % 28, month=1 + day // 28))

items = st.builds(
    lambda **fields: Item(title="t", **fields),
    id=st.uuids().map(str),
    brand=optional(st.sampled_from(BRANDS)),
    language=optional(st.sampled_from(("en", "de"))),
    availability=st.sampled_from(("in_stock", "preorder", "out_of_stock")),
    quantity=optional(st.integers(0, 5)),
    price=optional(st.sampled_from((0.0, 5.0, 7.5, 10.0, 20.0))),
    sale_price=optional(st.sampled_from((4.0, 5.0))),
    rating=optional(st.sampled_from((1.0, 2.5, 5.0))),
    rating_count=optional(st.integers(0, 3)),
    tags=st.lists(st.sampled_from(TAGS), max_size=3, unique=True).map(tuple),
    categories=st.lists(st.sampled_from(PATHS), max_size=2, unique=True).map(tuple),
    attributes=st.fixed_dictionaries(
        {}, optional={"colour": st.sampled_from(COLOURS), "shoe size": st.lists(st.sampled_from(("38", "39")), max_size=2)}
    ),
    published_at=optional(days),
    expires_at=optional(days),
)

number = st.one_of(
    st.sampled_from((0, 1, 2.5, 5, 10)).map(lambda v: ("number", v)),
    st.sampled_from(sorted(NUMBERS)).map(lambda n: ("field", n)),
    st.sampled_from(sorted(NUMBERS)).map(lambda n: ("seed", n)),
)
numbers = st.recursive(number, lambda inner: st.tuples(st.sampled_from("+-*/"), inner, inner), max_leaves=4)
words = st.sampled_from(sorted(WORDS))
conditions = st.one_of(
    st.tuples(st.just("compare"), st.sampled_from(sorted(COMPARE)), numbers, numbers),
    st.tuples(st.just("between"), numbers, numbers, numbers),
    st.tuples(st.just("time"), st.sampled_from(sorted(TIMES)), st.sampled_from(sorted(COMPARE)), days),
    st.tuples(st.just("flag"), st.sampled_from(sorted(FLAGS)), st.booleans()),
    words.flatmap(lambda w: st.tuples(st.just("text"), st.just(w), st.sampled_from(("==", "!=")), st.sampled_from(WORDS[w]))),
    words.flatmap(lambda w: st.tuples(st.just("in"), st.just(w), st.lists(st.sampled_from(WORDS[w]), max_size=3))),
    st.tuples(st.just("as seed"), words),
    st.tuples(st.just("under"), st.sampled_from((*PATHS, "women", "Dresses"))),
    st.just(("under seed",)),
    st.tuples(st.just("known"), st.sampled_from((*sorted(WORDS), *sorted(NUMBERS), "category", "published_at"))),
)
trees = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(("and", "or")), st.lists(inner, min_size=2, max_size=3)),
        st.tuples(st.just("not"), inner),
    ),
    max_leaves=6,
)


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def shown(tree):
    """Return the text of a tree."""
    match tree:
        case ("number", value):
            return str(value)
        case ("field", name):
            return name
        case ("seed", name):
            return f"seed.{name}"
        case (("+" | "-" | "*" | "/") as sign, left, right):
            return f"({shown(left)} {sign} {shown(right)})"
        case ("compare", sign, left, right):
            return f"{shown(left)} {sign} {shown(right)}"
        case ("between", value, low, high):
            return f"{shown(value)} between {shown(low)} and {shown(high)}"
        case ("time", name, sign, at):
            return f'{name} {sign} "{at.isoformat()}"'
        case ("flag", name, plain):
            return name if plain else f"{name} == false"
        case ("text", name, sign, word):
            return f"{name} {sign} {quoted(word)}"
        case ("in", name, chosen):
            return f"{name} in [{', '.join(map(quoted, chosen))}]"
        case ("as seed", name):
            return f"{name} == seed.{name}"
        case ("under", path):
            return f"category under {quoted(path)}"
        case ("under seed",):
            return "category under seed.category"
        case ("known", name):
            return f"{name} is known"
        case ("not", inner):
            return f"not ({shown(inner)})"
        case (("and" | "or") as word, parts):
            return f" {word} ".join(f"({shown(part)})" for part in parts)
    raise AssertionError(tree)


def folded(texts):
    return {text.strip().casefold() for text in texts}


def parts_of(path):
    return [part.strip().casefold() for part in path.split(">")]


def is_under(item, path):
    wanted = parts_of(path)
    return any(parts_of(own)[: len(wanted)] == wanted for own in item.categories)


def value_of(tree, item, seed):
    """Return a number, NaN for what is unknown."""
    match tree:
        case ("number", value):
            return float(value)
        case (("field" | "seed") as whose, name):
            found = NUMBERS[name](item if whose == "field" else seed)
            return math.nan if found is None else float(found)
        case (sign, left, right):
            a, b = value_of(left, item, seed), value_of(right, item, seed)
            if sign == "/":
                if b == 0:
                    return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1.0, b)
                return a / b
            return {"+": operator.add, "-": operator.sub, "*": operator.mul}[sign](a, b)
    raise AssertionError(tree)


def holds(tree, item, seed):
    """Return whether a condition holds for an item."""
    match tree:
        case ("compare", sign, left, right):
            return COMPARE[sign](value_of(left, item, seed), value_of(right, item, seed))
        case ("between", value, low, high):
            return value_of(low, item, seed) <= value_of(value, item, seed) <= value_of(high, item, seed)
        case ("time", name, sign, at):
            found = TIMES[name](item)
            return sign == "!=" if found is None else COMPARE[sign](found, at)
        case ("flag", name, plain):
            return FLAGS[name](item) == plain
        case ("text", name, sign, word):
            return (word.casefold() in folded(TEXTS[name](item))) == (sign == "==")
        case ("in", name, chosen):
            return bool(folded(chosen) & folded(TEXTS[name](item)))
        case ("as seed", name):
            return bool(folded(TEXTS[name](seed)) & folded(TEXTS[name](item)))
        case ("under", path):
            return is_under(item, path)
        case ("under seed",):
            return bool(seed.categories) and is_under(item, seed.categories[0])
        case ("known", "category"):
            return bool(item.categories)
        case ("known", name):
            return bool(TEXTS[name](item)) if name in TEXTS else (TIMES | NUMBERS)[name](item) is not None
        case ("not", inner):
            return not holds(inner, item, seed)
        case ("and", parts):
            return all(holds(part, item, seed) for part in parts)
        case ("or", parts):
            return any(holds(part, item, seed) for part in parts)
    raise AssertionError(tree)


def speaks_of_seed(tree):
    return "seed" in shown(tree)
