"""Several sites from one database (``django.contrib.sites``), in several languages, each with its own prices and stock.

Take this when a product names the sites it is sold on. The request's site is ``get_current_site(request)``, its language the one
Django activated; rows keep to both. What is bought on one site is learnt from on all.
"""


def sites_of(product):
    return [entry.site_id for entry in product.offers.all() if entry.stock]


def prices_of(product):
    return {entry.site_id: (entry.price, entry.currency) for entry in product.offers.all()}


RECO = {
    "ITEMS": {
        "model": "boutique.Product",
        "text": ["name", "description"],
        "where": {"is_active": True},
        "languages": "get_available_languages",
        "sites": f"{__name__}.sites_of",
        "prices": f"{__name__}.prices_of",
        "prefetch": ["offers"],
        "url": "get_absolute_url",
        "price": "price",
        "currency": "currency",
        "categories": "category",
        "published": "created_at",
        "watch": {"boutique.Offer": "product"},
    },
    "ORDERS": {
        "model": "boutique.OrderLine",
        "item": "product",
        "group": "order_id",
        "user": "order.user",
        "at": "order.created_at",
        "quantity": "quantity",
    },
}
