"""A shop on aiohttp that recommends from inside its own process; `python service.py --port 8080`."""

import argparse
import html
from collections.abc import AsyncIterator
from urllib.parse import quote

from aiohttp import web

from reco_sdk import Interaction, Item, Recommender
from reco_sdk.server import create_app

CATALOGUE = [
    Item(id="dress-red", title="Red linen dress", categories=["Women > Dresses"], price=59.0, currency="EUR"),
    Item(id="dress-blue", title="Blue linen dress", categories=["Women > Dresses"], price=64.0, currency="EUR"),
    Item(id="dress-silk", title="Silk evening dress", categories=["Women > Dresses"], price=149.0, currency="EUR"),
    Item(id="shirt-linen", title="White linen shirt", categories=["Men > Shirts"], price=45.0, currency="EUR"),
    Item(id="shirt-denim", title="Denim shirt", categories=["Men > Shirts"], price=49.0, currency="EUR"),
    Item(id="hat-straw", title="Straw summer hat", categories=["Accessories > Hats"], price=25.0, currency="EUR"),
]
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>body{{font:16px system-ui;max-width:40rem;margin:2rem auto;padding:0 1rem}}</style>
<p><a href="/">All items</a><h1>{title}</h1><ul>{body}</ul><h2>{heading}</h2><ul>{cards}</ul></html>"""
reco_key = web.AppKey("reco", Recommender)


async def cards(reco: Recommender, ids: tuple[str, ...]) -> str:
    items = await reco.store.get_items(ids)
    shown = [items[item_id] for item_id in ids if item_id in items]
    return "".join(f'<li><a href="/item/{quote(item.id, safe="")}">{html.escape(item.title)}</a>' for item in shown)


def page(title: str, body: str, heading: str, cards: str) -> web.Response:
    return web.Response(text=PAGE.format(title=title, body=body, heading=heading, cards=cards), content_type="text/html")


def visitor(request: web.Request) -> str:
    return request.cookies.get("visitor", "somebody")  # a real shop sets a signed cookie, with consent


async def home(request: web.Request) -> web.Response:
    reco = request.app[reco_key]
    slate = await reco.recommend(visitor_id=visitor(request), placement="home", n=3)
    everything = await cards(reco, tuple(item.id for item in CATALOGUE))
    return page("A small shop", everything, "Recommended for you", await cards(reco, slate.ids))


async def item_page(request: web.Request) -> web.Response:
    reco, item_id = request.app[reco_key], request.match_info["item_id"]
    item = (await reco.store.get_items([item_id])).get(item_id)
    if item is None:
        raise web.HTTPNotFound
    await reco.record(Interaction.view_item(item_id, visitor_id=visitor(request)))
    slate = await reco.similar_items(item_id, n=3, visitor_id=visitor(request))
    price = f"{item.price:.2f} {item.currency}"
    return page(html.escape(item.title), price, "You may also like", await cards(reco, slate.ids))


def make_app(store: str) -> web.Application:
    reco = Recommender.open(store, model="hashing")  # words in common; leave `model` out for a sentence-transformers model

    async def recommender(_: web.Application) -> AsyncIterator[None]:
        async with reco:
            if not await reco.store.item_count():
                await reco.upsert_items(CATALOGUE)
            yield

    app = web.Application()
    app[reco_key] = reco
    app.cleanup_ctx.append(recommender)
    app.add_routes([web.get("/", home), web.get("/item/{item_id}", item_page)])
    app.add_subapp("/reco", create_app(reco))
    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", default="sqlite:///service.reco.sqlite3")
    parser.add_argument("--port", type=int, default=8080)
    arguments = parser.parse_args()
    web.run_app(make_app(arguments.store), host="127.0.0.1", port=arguments.port)
