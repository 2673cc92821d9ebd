"""The shop is an API, and its pages are made elsewhere: rows are fetched as JSON.

Take this when no template of Django's shows a product. Include ``django_reco.urls`` and call::

    GET  /reco/recommend/?strategy=you_may_also_like&item=keys.phone:3f…&n=8&view=1
    POST /reco/event/     kind=add_to_cart  item=keys.cover:c-1  token=(of the answer)  position=0

``view=1`` says that a page of this item is shown, and records the view. ``CONSENT`` decides who is given the visitor's cookie;
the front end sends cookies with its calls (``credentials: "include"``) from the same site.
"""


def consents(request):
    return request.COOKIES.get("consent") == "yes"


RECO = {
    "CONSENT": f"{__name__}.consents",
    "ITEMS": [
        {"model": "keys.Phone", "text": ["name"], "price": "price"},
        {"model": "keys.Cover", "text": ["name"], "price": "price"},
    ],
    "ORDERS": {"model": "keys.Bought", "item": "product", "group": "number", "at": "at"},
}
