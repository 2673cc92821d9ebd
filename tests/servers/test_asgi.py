"""ASGI servers with several workers."""

import pytest

from django_reco import metrics
from django_reco.asgi import with_lifespan
from tests.servers.databases import ROOT
from tests.servers.documented import OURS, commands, example, runnable
from tests.servers.lifecycle import lives_through

WORKERS = 2
LISTENS = {"uvicorn": ["--port", "{port}"], "hypercorn": ["--bind", "127.0.0.1:{port}"]}


@pytest.mark.parametrize("line", commands("uvicorn", "hypercorn"), ids=lambda line: line.split()[0])
def test_asgi_server(line, shop, start):
    server = start(runnable(line, "--workers", str(WORKERS), *LISTENS[line.split()[0]]), shop)
    lives_through(server, shop, workers=WORKERS)


def test_the_application_is_the_documented_one():
    assert (ROOT / OURS.replace(".", "/") / "asgi.py").read_text() == example("with_lifespan")


async def lifespan(*told):
    """Tell an application what happens to its server; return what it answers."""
    coming, said = [{"type": f"lifespan.{word}"} for word in told], []

    async def receive():
        return coming.pop(0)

    async def send(message):
        said.append(message["type"].removeprefix("lifespan."))

    async def application(scope, receive, send):
        said.append(scope["type"])

    wrapped = with_lifespan(application)
    await wrapped({"type": "lifespan"}, receive, send)
    await wrapped({"type": "http"}, receive, send)
    return said


async def test_a_server_is_told_that_all_is_ready():
    assert await lifespan("startup", "shutdown") == ["startup.complete", "shutdown.complete", "http"]


async def test_settings_that_cannot_work_do_not_keep_the_shop_from_starting(settings):
    settings.RECO = {"ITEMS": "plain.Product", "DEADLINE_MS": "soon"}
    before = metrics.counts().get("start.error", 0)
    assert await lifespan("startup", "shutdown") == ["startup.complete", "shutdown.complete", "http"]
    assert metrics.counts()["start.error"] == before + 1
