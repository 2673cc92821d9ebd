"""Keys are UUIDs, and each product has a table of variants with price and stock; order lines name a variant.

Take this when only the product has a page: what is bought of a variant counts for its product. Nothing needs to be said about
UUIDs. Of several variants the lowest price is shown, their stock is added up, and saving one brings its product up to date.
"""

RECO = {
    "ITEMS": {
        "model": "catalog.Product",
        "text": ["name", "description"],
        "where": {"is_active": True},
        "url": "get_absolute_url",
        "price": "variants.price",
        "quantity": "variants.stock",
        "categories": "category",
        "published": "created_at",
        "watch": {"catalog.ProductVariant": "product"},
    },
    "ORDERS": {
        "model": "catalog.OrderItem",
        "item": "variant.product",
        "group": "order_id",
        "user": "order.customer",
        "at": "order.placed_at",
        "quantity": "quantity",
        "price": "unit_price",
        "where": {"order__status": "paid"},
    },
}
