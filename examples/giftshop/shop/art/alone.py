"""A picture as a file of its own: what an address can show outside the shop's pages, in the admin or a mail."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Final

from shop.art.draw import picture

_SHOP: Final = Path(__file__).resolve().parents[1]
_MOTIFS: Final = _SHOP / "static" / "shop" / "motifs.svg"
_PATTERNS: Final = _SHOP / "templates" / "shop" / "parts" / "patterns.html"
_USED: Final = re.compile(r'href="[^"#]*#([\w-]+)"')
_PATTERN: Final = re.compile(r"url\(#([\w-]+)\)")


def alone(code: str, title: str, department: str) -> str:
    """Return the picture with the motif and the pattern that it names, which a page shares among its pictures."""
    drawn = str(picture(code, title, department))
    motif = _USED.search(drawn)
    parts = [_part(_MOTIFS, "symbol", motif[1])] if motif else []
    parts += [_part(_PATTERNS, "pattern", name) for name in _PATTERN.findall(drawn)]
    drawn = _USED.sub(r'href="#\1"', drawn).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return drawn.replace("</svg>", f"<defs>{''.join(parts)}</defs></svg>")


@lru_cache(maxsize=256)
def _part(path: Path, kind: str, name: str) -> str:
    found = re.search(rf'<{kind} id="{re.escape(name)}".*?</{kind}>', path.read_text(encoding="utf-8"), re.DOTALL)
    return found[0] if found else ""
