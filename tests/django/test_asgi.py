"""Async views and the ASGI handler."""

import pytest
from django.test import AsyncClient

from django_reco import metrics
from tests.django.conftest import BROWSER, make_products

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def abrowser(async_client):
    async_client.cookies["consent"] = "yes"
    return async_client


async def get(client: AsyncClient, path):
    return await client.get(path, headers={"user-agent": BROWSER})


@pytest.fixture
def made(transactional_db):
    return make_products()


async def test_sync_view_under_asgi(made, abrowser):
    answer = await get(abrowser, f"/p/{made[0].pk}/")
    assert "You may also like" in answer.content.decode()
    assert "reco_visitor" in answer.cookies
    page = (await get(abrowser, "/")).content.decode()
    assert "Recently viewed" in page


async def test_awaited_slate_in_an_async_view(made, abrowser):
    answer = await get(abrowser, f"/awaited/{made[0].pk}/")
    page = answer.content.decode()
    assert page.count("Linen summer dress") == 4
    assert "Linen summer dress" in page.split("<p>")[1]
    assert "reco_visitor" in answer.cookies


async def test_tag_on_the_running_loop(made, abrowser):
    """The ORM refuses to work there, so the row's query runs in a thread."""
    answer = await get(abrowser, f"/async/{made[0].pk}/")
    assert answer.status_code == 200
    assert answer.content.decode().count("reco-card__link") == 4
    assert "tag.error" not in metrics.counts()
    assert "Recently viewed" in (await get(abrowser, "/")).content.decode()
