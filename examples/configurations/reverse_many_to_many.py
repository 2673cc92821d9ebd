"""An order holds its lines by a many-to-many relation, so that a line does not name its order; categories are choices.

Take this when the cart's lines become the order's lines with a flag. The way from the line to its order is the reverse accessor,
``order_set`` unless the relation names another.
"""

RECO = {
    "ITEMS": {
        "model": "core.Item",
        "text": ["title", "description"],
        "url": "get_absolute_url",
        "price": "price",
        "sale_price": "discount_price",
        "categories": "get_category_display",
        "image": "image",
    },
    "ORDERS": {
        "model": "core.OrderItem",
        "item": "item",
        "group": "order_set",
        "user": "user",
        "at": "order_set.ordered_date",
        "quantity": "quantity",
        "where": {"ordered": True},
    },
}
