"""Several sites from one database (``django.contrib.sites``), in several languages, each with its own prices and stock.

Take this when a product names the sites it is sold on. The request's site is ``get_current_site(request)``, its language the one
Django activated; rows keep to both. What is bought on one site is learnt from on all.
"""


def sold_on(product):
    return [offer.site_id for offer in product.offers.all() if offer.stock > 0]


def prices_on(product):
    return {offer.site_id: (offer.price, offer.currency) for offer in product.offers.all()}


RECO = {
    "ITEMS": {
        "model": "boutique.Product",
        "text": ["name", "description"],
        "where": {"is_active": True},
        "languages": "get_available_languages",
        "sites": f"{__name__}.sold_on",
        "prices": f"{__name__}.prices_on",
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
