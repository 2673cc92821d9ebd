"""Readable titles out of a till's capitals: WHITE HANGING HEART T-LIGHT HOLDER -> White Hanging Heart T-Light Holder."""

from __future__ import annotations

import re
from typing import Final

SMALL_WORDS: Final = frozenset("a an and as at by de du en for from in of on or the to with".split())
KEPT_UPPER: Final = frozenset("3D A4 A5 A6 A7 ABC CD DIY II LED TV UK US USA VIP WC".split())

# Spellings that a whole-word look-up can mend: abbreviations cut by the till's 35 characters, typing slips, joined words.
WORDS: Final[dict[str, str]] = {
    "ANT": "Antique",
    "APERITIF": "Aperitif",
    "ART-FLOWER": "Artificial Flower",
    "ARTIIFCIAL": "Artificial",
    "ASS": "Assorted",
    "ASST": "Assorted",
    "ASSTD": "Assorted",
    "AZURE": "Azur",
    "B'DRAW": "Drawer",
    "B'FLY": "Butterfly",
    "BAROQUECANDLESTICK": "Baroque Candlestick",
    "BEA": "Beads",
    "BLACKBLUE": "Black/Blue",
    "BLACKCHRISTMAS": "Black Christmas",
    "BLK": "Black",
    "BRACLET": "Bracelet",
    "BUDAH": "Buddha",
    "BUTTERFILES": "Butterflies",
    "BUTTERFL": "Butterfly",
    "C/COVER": "Cushion Cover",
    "CAKESTAND": "Cake Stand",
    "CAND": "Candle",
    "CANDL": "Candle",
    "CANDLEHOLDER": "Candle Holder",
    "CANDLEPOT": "Candle Pot",
    "CANDYSTUFT": "Candytuft",
    "CANNISTER": "Canister",
    "CARDHOLDER": "Card Holder",
    "CEATURE": "Creature",
    "CHILDRENS": "Children's",
    "CHILDS": "Child's",
    "CHOC": "Chocolate",
    "CHOCOLATECANDLE": "Chocolate Candle",
    "CINAMMON": "Cinnamon",
    "COATHANGER": "Coat Hanger",
    "COL": "Colour",
    "COLUMBIAN": "Colombian",
    "DEC": "Decoration",
    "DECO.WHITE": "Decoration White",
    "DES": "Design",
    "DIA": "Diamante",
    "DIAMON": "Diamond",
    "DOILEY": "Doily",
    "DRAWERKNOB": "Drawer Knob",
    "EXPANDABLE": "Expandable",
    "FLOWE": "Flower",
    "FLOWR": "Flower",
    "FOLKART": "Folk Art",
    "FRAPPUCINO": "Frappuccino",
    "FRUITBOWL": "Fruit Bowl",
    "FUSCHIA": "Fuchsia",
    "GARDENERS": "Gardener's",
    "GARLD": "Garland",
    "HAIRCLIP": "Hair Clip",
    "HAIRCLIPS": "Hair Clips",
    "HAIRSLIDE": "Hair Slide",
    "HLDR": "Holder",
    "HOLD": "Holder",
    "HYDRANGA": "Hydrangea",
    "JEWELED": "Jewelled",
    "KNICKERBOCKERGLORY": "Knickerbocker Glory",
    "KNIF": "Knife",
    "LAQUERED": "Lacquered",
    "LAZER": "Laser",
    "LIVINGROOM": "Living Room",
    "LT": "Light",
    "M/COLOUR": "Multicolour",
    "MED": "Medium",
    "METALIC": "Metallic",
    "MONTAN": "Montana",
    "MULTICOL": "Multicolour",
    "NAT": "Natural",
    "NAUGHTS": "Noughts",
    "NECKL": "Necklace",
    "NECKLAC": "Necklace",
    "P'WEIGHT": "Paperweight",
    "PAISELY": "Paisley",
    "PANNETONE": "Panettone",
    "PC": "Piece",
    "PHOTOFRAME": "Photo Frame",
    "PICCADILLY": "Piccadilly",
    "PINKWHITE": "Pink/White",
    "POLKADOTS": "Polka Dots",
    "POPART": "Pop Art",
    "POURI": "Pourri",
    "RASPBERR": "Raspberry",
    "RECT": "Rectangular",
    "RND": "Round",
    "ROCCOCO": "Rococo",
    "RUSSEL": "Russell",
    "SANDLEWOOD": "Sandalwood",
    "SECATEURS": "Secateurs",
    "SIL'T": "Silhouette",
    "SILOUETTE": "Silhouette",
    "SKIPPPING": "Skipping",
    "SMALLFOLKART": "Small Folk Art",
    "SQU": "Square",
    "SQUARECUSHION": "Square Cushion",
    "STOPMETAL": "Stop Metal",
    "STRAWBERY": "Strawberry",
    "STRAWBRY": "Strawberry",
    "SUCK": "Sucker",
    "SWIRLGLASS": "Swirl Glass",
    "TASSLE": "Tassel",
    "TEALIGHT": "T-Light",
    "TRADTIONAL": "Traditional",
    "TRAVELING": "Travelling",
    "TURQ": "Turquoise",
    "TURQUOIS": "Turquoise",
    "UTILTY": "Utility",
    "VINT": "Vintage",
    "VIPPASSPORT": "VIP Passport",
    "W": "with",
    "W/CHIME": "Wind Chime",
    "WALLHANGING": "Wall Hanging",
    "WHIT": "White",
    "WHT": "White",
    "WINDCHIME": "Wind Chime",
}

# Where a single word is not enough to know what was meant.
PHRASES: Final[tuple[tuple[str, str], ...]] = (
    (r"\bCHARLIE\s*(?:\+|&|AND)?\s*LOLA\b", "CHARLIE & LOLA "),
    (r"\bRETRO SPOT\b", "RETROSPOT"),
    (r"\bM\.?O\.?P\b\.?", "MOTHER-OF-PEARL"),
    (r"\bGOLD M PEARL\b", "GOLD MOTHER-OF-PEARL"),
    (r"\bD\.O\.F\.", "OLD FASHIONED"),
    (r"\bART FLOWER\b", "ARTIFICIAL FLOWER"),
    (r"\bART DEC\b", "ART DECO"),
    (r"\bHI TEC\b", "HI-TEC"),
    (r"\bW/KNIF & S\b", "WITH KNIFE"),
    (r"\bWASTEPAPER BIN FLORA\b", "WASTEPAPER BIN FLORAL"),
    (r"\bPHOTO A$", "PHOTO ALBUM"),
    (r"\bBEADS BRACELET (?:TO|OL)$", "BEADS BRACELET"),
    (r"\bW STR$", "W STRAP"),
    (r"\bCAFE\b", "CAFÉ"),
    (r"\bT-LIGHTS?\s+CANDLES?\b", "T-LIGHT CANDLES"),
    (r"\b(\d+)LIGHT\b", r"\1 LIGHT"),
    (r"\bPACK/(\d+) CRYSTAL", r"PACK OF \1 CRYSTAL"),
    (r"\bS/(\d+)\b", r"SET OF \1"),
    (r"\bSET\s*(?:/|OF)?\s*(\d+)(?=\b|[A-Z])(?! ?PIECE)", r"SET OF \1 "),
    (r"\b(PACK|BOX)\s*(?:/|OF)?\s*(\d+)\b", r"\1 OF \2"),
    (r"\b(\d+)\s*PC\b", r"\1 PIECE"),
    (r"\bW/(?=[A-Z])", "W "),
    (r"\bLT\.", "LIGHT "),
    (r"\b(\d+)'S\b", r"\1S"),
    (r"\bNECKL\.?\s*(\d+)\"?\s*", r'NECKLACE \1" '),
    (r"(\d+)\"NECKL\.?", r'\1" NECKLACE'),
    (r"\b(\d+(?:\.\d+)?)\s*(?:CM)?\s*X\s*(\d+(?:\.\d+)?)\s*CM\b", r"\1X\2CM"),
)

_MEASURE = re.compile(r"^\d+(?:\.\d+)?(?:X\d+(?:\.\d+)?)*(CM|G|MM|M|W|ML)$")
_YEARS = re.compile(r"^\d+S$")


def readable_title(raw: str) -> str:
    """The description of a till line as a shop would print it."""
    text = " ".join(raw.split()).strip(" .,")
    # Mixed-case rows are already meant that way, but their letters must meet the same tables.
    text = text.upper()
    for pattern, replacement in PHRASES:
        text = re.sub(pattern, replacement, text)
    text = re.sub(r"\s*,\s*", ", ", text)
    text = re.sub(r"\s*\+\s*", " & ", text)
    text = re.sub(r"(?<=[A-Z])(\(|\")(?=[A-Z])", r" \1", text)
    text = re.sub(r"\s*-\s+|\s+-\s*", " - ", text)
    words = [_word(word) for word in text.split()]
    title = " ".join(part for part in words if part)
    title = " ".join(
        word.lower() if position and word.lower() in SMALL_WORDS else word for position, word in enumerate(title.split())
    )
    title = re.sub(r"\s+(?:with|and|&|/)$", "", title.strip(" ,.")).strip(" ,.")
    return title[:1].upper() + title[1:]


def _word(word: str) -> str:
    lead = re.match(r"^[(\"']*", word)
    prefix = lead.group(0) if lead else ""
    core = word[len(prefix) :]
    tail = re.search(r"[)\"'.,!]*$", core)
    suffix = tail.group(0) if tail else ""
    core = core[: len(core) - len(suffix)] if suffix else core
    return prefix + _core(core) + suffix.replace(".", "")


def _core(core: str) -> str:
    if core in WORDS:
        return WORDS[core]
    if core in KEPT_UPPER:
        return core
    if _YEARS.match(core):
        return core.lower()
    measure = _MEASURE.match(core)
    if measure:
        unit = measure.group(1)
        number = core[: -len(unit)].replace("X", " × ")
        return f"{number} {unit if unit == 'W' else unit.lower()}"
    for separator in ("/", "-"):
        if separator in core:
            parts = [_core(part) for part in core.split(separator)]
            return separator.join(part.lower() if place and part in ("Of", "In") else part for place, part in enumerate(parts))
    return _capital(core)


def _capital(core: str) -> str:
    lowered = core.lower()
    for position, letter in enumerate(lowered):
        if letter.isalpha():
            return lowered[:position] + letter.upper() + lowered[position + 1 :]
    return lowered
