"""Variants are rows of the product's own model, with a ``parent``; price and stock stand in a table of their own.

Take this when variants point to a parent of the same model. ``canonical`` makes views and orders of a variant count for its
parent, which is what rows show. Where each variant has a page of its own, name what they share as ``group`` instead.
"""

RECO = {
    "ITEMS": {
        "model": "variants.Item",
        "text": ["name", "details"],
        "queryset": "objects.browsable",
        "brand": "maker",
        "price": "stock_set.price",
        "quantity": "stock_set.pieces",
        "categories": "departments",
        "canonical": "parent",
        "watch": {"variants.Stock": "item"},
    },
    "ORDERS": {
        "model": "variants.PurchaseItem",
        "item": "item",
        "group": "purchase_set",
        "user": "purchase_set.user",
        "at": "purchase_set.ordered_date",
        "quantity": "quantity",
        "where": {"ordered": True},
    },
}
