"""Colours of a picture: the ones its title names, else ones chosen by the title itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Paint:
    """Main, light, dark and accent colour of a drawing."""

    main: str
    light: str
    dark: str
    accent: str


@dataclass(frozen=True, slots=True)
class Ground:
    """What is behind the drawing: the card's colour and the shape on it."""

    back: str
    shape: str


PAINTS: Final[dict[str, Paint]] = {
    "red": Paint("#cf4a45", "#fae3dc", "#8c2b2b", "#f0b95a"),
    "pink": Paint("#e58ba3", "#fdeaee", "#b0506c", "#f6c667"),
    "fuchsia": Paint("#c9457f", "#fbe1ec", "#852250", "#f2b84b"),
    "orange": Paint("#e0823d", "#fdebd8", "#9c4d17", "#5d8a87"),
    "yellow": Paint("#e9b949", "#fff4d6", "#a3781a", "#cf6a4c"),
    "green": Paint("#5c8f68", "#e4f0e2", "#2f5a40", "#e8a94a"),
    "mint": Paint("#86c2a8", "#e8f6ef", "#3f7f67", "#ef8f7a"),
    "turquoise": Paint("#3f9ea1", "#dff3f1", "#1f6468", "#f2a65a"),
    "blue": Paint("#4a7fb5", "#e2edf7", "#274f7d", "#f0b654"),
    "navy": Paint("#34507a", "#e1e8f2", "#1d2f4d", "#e98f6b"),
    "purple": Paint("#7d5fa5", "#ece4f5", "#4c3570", "#f0bd5c"),
    "lilac": Paint("#a690c9", "#f0eaf8", "#6a5492", "#f1b7a0"),
    "brown": Paint("#8a6148", "#f1e5da", "#553725", "#e2a04e"),
    "black": Paint("#3f3d42", "#ececea", "#1f1d22", "#d9a441"),
    "grey": Paint("#8d949b", "#eef0f1", "#565d64", "#d98f7a"),
    "silver": Paint("#a3adb6", "#f1f4f6", "#66717c", "#7fa3c4"),
    "gold": Paint("#c99a3c", "#faf0d7", "#86611a", "#a04b3c"),
    "white": Paint("#f7f3ec", "#ffffff", "#b3a898", "#d98880"),
    "ivory": Paint("#f0e4cd", "#fffaf0", "#b09a76", "#c9786a"),
    "natural": Paint("#c8a67c", "#f6ecdd", "#8a6a44", "#6f9273"),
}
_NAMES: Final[dict[str, str]] = {
    "ruby": "red", "cherry": "red", "strawberry": "red", "santa": "red", "poppy": "red", "poppies": "red",
    "retrospot": "red", "raspberry": "fuchsia", "burgundy": "red", "rose": "pink", "roses": "pink", "blossom": "pink",
    "fairy": "pink", "princess": "pink", "peach": "orange", "amber": "orange", "copper": "orange", "lemon": "yellow",
    "sunflower": "yellow", "daisy": "yellow", "chick": "yellow", "chicks": "yellow", "lime": "green", "olive": "green",
    "peridot": "green", "leaf": "green", "woodland": "green", "fern": "green", "apple": "green", "apples": "red",
    "pistachio": "mint", "jade": "mint", "aqua": "turquoise", "teal": "turquoise", "turq": "turquoise",
    "ocean": "turquoise", "nil": "mint", "nile": "mint", "midnight": "navy", "union": "navy", "spaceboy": "blue",
    "sky": "blue", "denim": "blue", "amethyst": "purple", "lavender": "lilac", "purple": "purple",
    "chocolate": "brown", "coffee": "brown", "wooden": "natural", "wood": "natural", "wicker": "natural",
    "rustic": "natural", "bamboo": "natural", "jet": "black", "skull": "black", "skulls": "black", "slate": "grey",
    "zinc": "grey", "metal": "grey", "aluminium": "silver", "crystal": "silver", "glass": "turquoise",
    "diamante": "silver", "pearl": "ivory", "cream": "ivory", "lace": "white", "linen": "ivory", "brass": "gold",
    "antique": "ivory", "parisienne": "grey",
}  # fmt: skip
_CHOICES: Final = ("red", "pink", "blue", "green", "turquoise", "orange", "mint", "lilac", "yellow", "navy")
_PALE: Final = frozenset({"white", "ivory", "silver"})

LIGHT_GROUNDS: Final[tuple[Ground, ...]] = (
    Ground("#f8ebe2", "#fffaf4"),
    Ground("#f3ecdc", "#fffdf6"),
    Ground("#e6efe6", "#f8fcf6"),
    Ground("#e3edf2", "#f7fbfd"),
    Ground("#f6e6e7", "#fff8f7"),
    Ground("#ece8f3", "#fbf9fe"),
    Ground("#f9efd5", "#fffbf0"),
)
# A white cup on a cream card would not be seen.
DEEP_GROUNDS: Final[tuple[Ground, ...]] = (
    Ground("#c9d9cf", "#b3c9bc"),
    Ground("#cfdbe4", "#b7c9d7"),
    Ground("#e6cfc8", "#dab9b0"),
    Ground("#d8d0e2", "#c5bad5"),
    Ground("#dccfb8", "#ccbb9d"),
)


def paint_of(title: str, seed: int) -> tuple[Paint, Ground]:
    words = re.findall(r"[a-z]+", title.lower())
    named = next((word for word in words if word in PAINTS), None)
    named = named or next((_NAMES[word] for word in words if word in _NAMES), None)
    name = named or _CHOICES[seed % len(_CHOICES)]
    grounds = DEEP_GROUNDS if name in _PALE else LIGHT_GROUNDS
    return PAINTS[name], grounds[(seed >> 8) % len(grounds)]
