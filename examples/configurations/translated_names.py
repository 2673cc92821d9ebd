"""Names, slugs and descriptions are translated by django-parler.

Take this when fields stand in ``TranslatedFields``: name them as if they stood on the model. The item is made in
``LANGUAGE_CODE``, or in a language it has; rows show each shopper the names, addresses and reasons of the page's language.
With ``languages``, a row shows only what is translated into the page's language; leave it out where untranslated products are
shown all the same.
"""

RECO = {
    "ITEMS": {
        "model": "bilingual.Product",
        "text": ["name", "description"],
        "languages": "get_available_languages",
        "url": "get_absolute_url",
        "price": "price",
        "available": "available",
        "categories": "category",
        "image": "image",
        "published": "created",
    },
    "ORDERS": {
        "model": "bilingual.OrderItem",
        "item": "product",
        "group": "order_id",
        "user": "order.user",
        "at": "order.created",
        "quantity": "quantity",
        "price": "price",
        "where": {"order__paid": True},
    },
}
