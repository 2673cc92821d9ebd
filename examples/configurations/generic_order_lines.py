"""An order line names what was bought by content type and key.

Take this when lines have a ``GenericForeignKey``: name its two fields. Lines of what is no item are passed over.
"""

RECO = {
    "ITEMS": [
        {"model": "keys.Phone", "text": ["name"], "price": "price"},
        {"model": "keys.Cover", "text": ["name"], "price": "price"},
    ],
    "ORDERS": {
        "model": "keys.Bought",
        "item": "product_id",
        "content_type": "product_content_type",
        "group": "number",
        "at": "at",
    },
}
