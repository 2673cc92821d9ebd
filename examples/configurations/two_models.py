"""Two models are sold, their keys both count from 1, and each has order lines of its own.

Take this when one shop sells from several tables: give lists. An item is known as ``media.book:1``, so keys may be shared, and
lines of one order are one basket whichever table they stand in.
"""

RECO = {
    "ITEMS": [
        {
            "model": "media.Book",
            "text": ["title", "description"],
            "where": {"is_active": True},
            "url": "get_absolute_url",
            "brand": "publisher",
            "price": "price",
            "quantity": "stock",
        },
        {
            "model": "media.Album",
            "text": ["name", "description"],
            "url": "get_absolute_url",
            "price": "price",
            "available": "in_stock",
        },
    ],
    "ORDERS": [
        {
            "model": "media.BookLine",
            "item": "book",
            "group": "order_id",
            "user": "order.user",
            "at": "order.created",
            "quantity": "quantity",
            "where": {"order__paid": True},
        },
        {
            "model": "media.AlbumLine",
            "item": "album",
            "group": "order_id",
            "user": "order.user",
            "at": "order.created",
            "quantity": "quantity",
            "where": {"order__paid": True},
        },
    ],
}
