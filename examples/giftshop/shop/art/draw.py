"""One picture: a tinted ground, a pattern, a shape, and the motif in its colours."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2s
from typing import Final

from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from shop.art.motifs import motif_of
from shop.art.palettes import paint_of

# Patterns live once in the page (shop/parts/patterns.html); a picture only names one.
_PATTERN_WORDS: Final[tuple[tuple[str, str], ...]] = (
    ("dots", r"retrospot|polka ?dot|spot(?:s|ty)?\b|dots"),
    ("gingham", r"gingham|check|pantry|kitchen|picnic"),
    ("stripes", r"strip(?:e|es|ey|y)|union|deckchair|circus|candy|seaside|beach"),
    ("flakes", r"christmas|snow|santa|reindeer|noel|winter"),
    ("stars", r"star|space|rocket|moon|magic"),
    ("petals", r"floral|flower|rose|daisy|paisley|garden|blossom|botanical|leaf|doily|lace|english"),
    ("hearts", r"heart|love|wedding|valentine|sweet"),
)
_PATTERNS: Final = ("dots", "gingham", "stripes", "stars", "petals", "hearts", "plain", "scallops", "plain")
_SHAPES: Final = (
    '<circle cx="100" cy="98" r="70" fill="{}"/>',
    '<path d="M38 200V96a62 62 0 0 1 124 0v104z" fill="{}"/>',
    '<path d="M0 148c40-14 160-14 200 0v52H0z" fill="{}"/>',
    '<rect x="30" y="28" width="140" height="140" rx="34" fill="{}"/>',
    '<path d="M100 22c46-8 78 30 72 74 6 44-32 78-74 72-44 4-74-32-68-74-4-42 26-70 70-72z" fill="{}"/>',
)
_COMPILED: Final = tuple((name, re.compile(words)) for name, words in _PATTERN_WORDS)
KEPT_PICTURES: Final = 8192


@lru_cache(maxsize=KEPT_PICTURES)
def picture(code: str, title: str, department: str) -> SafeString:
    """The same product has the same picture everywhere; the code only varies what the title leaves open."""
    seed = int.from_bytes(blake2s(f"{code}{title}".encode(), digest_size=6).digest(), "big")
    paint, ground = paint_of(title, seed)
    shape = _SHAPES[(seed >> 16) % len(_SHAPES)]
    tilt = (seed >> 24) % 9 - 4
    return format_html(
        '<svg class="art" viewBox="0 0 200 200" aria-hidden="true" focusable="false"'
        ' style="--m:{};--l:{};--d:{};--x:{}">'
        '<rect width="200" height="200" fill="{}"/>{}{}'
        '<ellipse cx="100" cy="154" rx="46" ry="6" fill="#3b2f2a" opacity=".12"/>'
        '<use href="{}#{}" x="46" y="46" width="108" height="108" transform="rotate({} 100 100)"/></svg>',
        paint.main,
        paint.light,
        paint.dark,
        paint.accent,
        ground.back,
        _pattern(title, seed),
        mark_safe(shape.format(ground.shape)),  # noqa: S308 - constants of this module only
        static("shop/motifs.svg"),
        motif_of(title, department),
        tilt,
    )


def _pattern(title: str, seed: int) -> SafeString:
    lowered = title.lower()
    name = next((name for name, words in _COMPILED if words.search(lowered)), _PATTERNS[(seed >> 32) % len(_PATTERNS)])
    if name == "plain":
        return mark_safe("")
    return format_html('<rect width="200" height="200" fill="url(#p-{})"/>', name)
