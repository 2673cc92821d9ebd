"""Item → the text that is embedded, by a versioned recipe that a shop may override."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final

from reco_sdk.items.item import CATEGORY_SEPARATOR, Item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["DEFAULT_RECIPE", "TextRecipe", "strip_html"]

# What describes a thing comes before what merely counts or measures it.
TELLING_ATTRIBUTES: Final = (
    "material",
    "colour",
    "color",
    "pattern",
    "style",
    "gender",
    "age_group",
    "author",
    "artist",
    "flavour",
    "flavor",
)
# Where a thing may be shown says nothing of what it is.
UNTOLD_ATTRIBUTES: Final = frozenset({"languages", "sites"})
MAX_ATTRIBUTE_CHARS: Final = 80
# Enough markup to find the first sentences in, and little enough to parse at once.
MAX_HTML_CHARS: Final = 20_000
_SPACE: Final = re.compile(r"\s+")
_HIDDEN_TAGS: Final = frozenset({"script", "style", "template", "noscript"})
_LETTER: Final = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class TextRecipe:
    """How an item becomes the text that is embedded.

    The parts, in order, are title, brand, leaf names of the categories, a few attributes, and the beginning of the
    description without its markup; parts that the title already says are left out. Override :meth:`text` in a
    subclass, or pass ``build``.

    Vectors are stored under the hash of the *text*, so a new version of a recipe re-embeds only the items whose text
    it changes.

    Parameters
    ----------
    version
        Name of the recipe, shown by ``doctor`` and kept in the snapshot; not part of the text hash.
    description_chars
        How much of the description is kept, cut at a word. The default leaves the title its weight: a MiniLM reads
        256 tokens, about 1,000 characters, and averages them all.
    max_categories, max_attributes
        How many leaf category names and attributes are kept.
    build
        A function that replaces the built-in recipe.

    Examples
    --------
    >>> TextRecipe().text(Item(id="1", title="Red linen dress", brand="Acme", categories=["Women > Dresses"]))
    'Red linen dress. Acme. Dresses'
    >>> TextRecipe(version="shop-1", build=lambda item: item.title.lower()).text(Item(id="1", title="Mug"))
    'mug'
    """

    version: str = "1"
    description_chars: int = 500
    max_categories: int = 3
    max_attributes: int = 5
    build: Callable[[Item], str] | None = None

    def text(self, item: Item) -> str:
        """Return what is embedded for ``item``; never empty, since every item has a title."""
        if self.build is not None:
            return self.build(item)
        parts = [item.title]
        said = item.title.casefold()
        for part in self._parts(item):
            if part.casefold() not in said:
                parts.append(part)
                said = f"{said}\n{part.casefold()}"
        return ". ".join(part.rstrip(". ") or part for part in parts)

    def text_hash(self, item: Item) -> str:
        """Return the SHA-256 (hex) of :meth:`text`: with the model's fingerprint, the key of the stored vector."""
        return hashlib.sha256(self.text(item).encode("utf-8", "surrogatepass")).hexdigest()

    def _parts(self, item: Item) -> Iterator[str]:
        if item.brand:
            yield item.brand
        leaves = [path.rsplit(CATEGORY_SEPARATOR, 1)[-1].strip() for path in item.categories]
        yield from [leaf for leaf in dict.fromkeys(leaves) if leaf][: self.max_categories]
        yield from self._attributes(item)
        if item.description and self.description_chars > 0:
            described = _cut(strip_html(item.description), self.description_chars)
            if described:
                yield described

    def _attributes(self, item: Item) -> Iterator[str]:
        rank = {name: position for position, name in enumerate(TELLING_ATTRIBUTES)}
        names = sorted(item.attributes, key=lambda name: (rank.get(name.casefold(), len(rank)), name))
        kept = 0
        for name in names:
            value = item.attributes[name]
            shown = value if isinstance(value, str) else ", ".join(value)
            # A GTIN or a weight says nothing to a language model.
            if kept == self.max_attributes or name in UNTOLD_ATTRIBUTES or not _LETTER.search(shown):
                continue
            kept += 1
            yield f"{name.replace('_', ' ')} {_cut(shown, MAX_ATTRIBUTE_CHARS)}"


class _Plain(HTMLParser):
    """Collect what a browser would show."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.shown: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.hidden += tag in _HIDDEN_TAGS
        self.shown.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN_TAGS and self.hidden:
            self.hidden -= 1
        self.shown.append(" ")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.shown.append(data)


def strip_html(text: str) -> str:
    """Return the words of ``text`` without tags, scripts and entities, runs of white space made one space.

    Only the first 20,000 characters are read.

    Examples
    --------
    >>> strip_html("<p>Soft &amp; <b>warm</b></p><script>x()</script>")
    'Soft & warm'
    """
    head = text[:MAX_HTML_CHARS]
    if "<" in head or "&" in head:
        parser = _Plain()
        parser.feed(head)
        parser.close()
        head = "".join(parser.shown)
    return _SPACE.sub(" ", head).strip()


def _cut(text: str, limit: int) -> str:
    """Return at most ``limit`` characters, ending at a word where there is one."""
    if len(text) <= limit:
        return text
    head = text[:limit]
    if text[limit].isspace():
        return head.rstrip()
    words = head.rsplit(" ", 1)[0]
    return words.rstrip() if len(words) >= limit // 2 else head.rstrip()


DEFAULT_RECIPE: Final = TextRecipe()
