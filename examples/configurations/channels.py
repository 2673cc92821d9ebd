"""A product is published, and has its price, in each channel by itself; order lines name variants.

Take this when a listing for each channel says what is sold there. ``sites`` says in which channels an item may be shown, and
``SITE`` in which one a request is: rows never leave it. ``prices`` gives what each of them asks.
"""


def sites_of(product):
    return [entry.channel.slug for entry in product.channel_listings.all() if entry.is_published]


def prices_of(product):
    return {entry.channel.slug: (entry.discounted_price_amount, entry.currency) for entry in product.channel_listings.all()}


def site_of(request):
    """Return the channel that the storefront names with each call."""
    return request.GET.get("channel") or request.headers.get("X-Channel") or "default-channel"


RECO = {
    "SITE": f"{__name__}.site_of",
    "ITEMS": {
        "model": "channels.Product",
        "text": ["name", "description_plaintext"],
        "sites": f"{__name__}.sites_of",
        "prices": f"{__name__}.prices_of",
        "prefetch": ["channel_listings__channel"],
        "categories": "category",
        "rating": "rating",
        "published": "created_at",
        "watch": {"channels.ProductChannelListing": "product"},
    },
    "ORDERS": {
        "model": "channels.OrderLine",
        "item": "variant.product",
        "group": "order_id",
        "user": "order.user",
        "at": "order.created_at",
        "quantity": "quantity",
        "price": "unit_price_gross_amount",
    },
}
