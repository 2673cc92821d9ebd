"""Titles, categories and groups that the data files are made of."""

import pytest

from prepare.categories import FALLBACK, category_of
from prepare.titles import readable_title
from prepare.variants import group_codes


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ("WHITE HANGING HEART T-LIGHT HOLDER", "White Hanging Heart T-Light Holder"),
        ("S/6 WOODEN SKITTLES IN COTTON BAG", "Set of 6 Wooden Skittles in Cotton Bag"),
        ("SET/20 RED RETROSPOT PAPER NAPKINS ", "Set of 20 Red Retrospot Paper Napkins"),
        ("ROUND SNACK BOXES SET OF4 WOODLAND", "Round Snack Boxes Set of 4 Woodland"),
        ("PACK/12 BLUE FOLKART CARDS", "Pack of 12 Blue Folk Art Cards"),
        ("PAPER CHAIN KIT 50'S CHRISTMAS", "Paper Chain Kit 50s Christmas"),
        ("POLYESTER FILLER PAD 65CMx65CM", "Polyester Filler Pad 65 × 65 cm"),
        ("CHARLIE+LOLA RED HOT WATER BOTTLE", "Charlie & Lola Red Hot Water Bottle"),
        ("ACRYLIC JEWEL ANGEL,PINK", "Acrylic Jewel Angel, Pink"),
        ("RED ROSE AND LACE C/COVER", "Red Rose and Lace Cushion Cover"),
        ("LARGE CAKE STAND HANGING STRAWBERY", "Large Cake Stand Hanging Strawberry"),
        ('FLOWER GLASS GARLAND NECKL.36"GREEN', 'Flower Glass Garland Necklace 36" Green'),
        ("SILVER/MOP ORBIT NECKLACE", "Silver/Mother-of-Pearl Orbit Necklace"),
        ("LUNCH BAG  BLACK SKULL.", "Lunch Bag Black Skull"),
    ],
)
def test_title_is_readable(raw, title):
    assert readable_title(raw) == title


@pytest.mark.parametrize(
    ("title", "path"),
    [
        ("Green Regency Teacup and Saucer", ("Kitchen & Dining", "Mugs & cups")),
        ("White Hanging Heart T-Light Holder", ("Candles & Lights", "T-light holders")),
        ("Lunch Bag Red Retrospot", ("Bags & Purses", "Lunch bags & boxes")),
        ("Christmas Tree Hanging Gold", ("Christmas", "Decorations")),
        ("Alarm Clock Bakelike Red", ("Home Decor", "Clocks")),
        ("Something Nobody Foresaw", FALLBACK),
    ],
)
def test_title_finds_its_shelf(title, path):
    assert category_of(title) == path


def test_only_colours_and_sizes_make_a_group():
    groups = group_codes(
        {
            "22725": "Alarm Clock Bakelike Green",
            "22726": "Alarm Clock Bakelike Red",
            "22699": "Roses Regency Teacup and Saucer",
            "22697": "Green Regency Teacup and Saucer",
            "85123A": "White Hanging Heart T-Light Holder",
            "21111": "Red Mug",
            "21112": "Blue Mug",
            "40001": "Striped Bread Bin Red",
            "49001": "Striped Bread Bin Blue",
        }
    )
    assert groups == {"22725": "G22725", "22726": "G22725"}
