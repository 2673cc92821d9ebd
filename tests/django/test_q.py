"""Django's Q objects become filter expressions, or are refused with the reason."""

import pytest
from django.db.models import F, Q

from django_reco.q import expression_of
from reco_sdk.errors import InvalidRequest
from reco_sdk.ranking.expressions import parse_expression


@pytest.mark.parametrize(
    ("where", "text"),
    [
        (Q(brand="Acme"), 'brand == "Acme"'),
        (Q(brand='q"uote') | Q(price__gte=5), '(brand == "q\\"uote") or (price >= 5.0)'),
        (Q(price__range=(10, 50)) & ~Q(tags__in=["a", "b"]), '(price between 10.0 and 50.0) and (not (tag in ["a", "b"]))'),
        (Q(rating__isnull=True), "rating is unknown"),
        (Q(brand=None), "brand is unknown"),
        (Q(category="Women > Dresses"), 'category under ["Women > Dresses"]'),
        (Q(attributes__colour="red"), 'attributes["colour"] == "red"'),
        (Q(available=True), "available == true"),
    ],
)
def test_what_an_item_has_is_taken(where, text):
    assert expression_of(where) == text
    parse_expression(text)


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        (Q(supplier__name="x"), "attribute of the item"),
        (Q(title__icontains="x"), "attribute of the item"),
        (Q(price__gt=F("cost")), "compared with F"),
        (Q(), "empty"),
        (Q(brand="a") ^ Q(brand="b"), "XOR"),
    ],
)
def test_what_the_database_alone_knows_is_refused(where, reason):
    with pytest.raises(InvalidRequest, match=reason):
        expression_of(where)
