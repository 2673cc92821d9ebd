"""The remote embedder against a real server on this machine."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from reco_sdk.embedding.hashing import HashingEmbedder
from reco_sdk.embedding.remote import RemoteEmbedder, _seconds
from reco_sdk.errors import ConfigError, EmbeddingError, MissingExtra
from reco_sdk.testing.embedder import EmbedderContract


class Service:
    """Speaks both protocols over a hashing embedder; ``script`` holds answers to give first, then it behaves."""

    def __init__(self):
        self.requests = []
        self.headers = []
        self.script = []
        self.busy = self.most_busy = 0
        self.seconds = 0.0
        self.app = web.Application()
        for path in ("/v1/embeddings", "/embed", "/custom/embeddings"):
            self.app.router.add_post(path, self.answer)

    async def answer(self, request):
        body = await request.json()
        self.requests.append((request.path, body))
        self.headers.append(request.headers)
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            await asyncio.sleep(self.seconds)
            if self.script:
                said = self.script.pop(0)
                if said == "drop":
                    request.transport.close()
                    return web.Response()
                return said
            texts = body["inputs"] if request.path == "/embed" else body["input"]
            # Not normalised, as some services are.
            rows = (3.0 * await HashingEmbedder(32).embed(texts)).tolist()
        finally:
            self.busy -= 1
        if request.path == "/embed":
            return web.json_response(rows)
        data = [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(rows)]
        return web.json_response({"object": "list", "data": data[::-1], "model": body["model"]})


@pytest.fixture
async def service():
    service = Service()
    server = TestServer(service.app)
    await server.start_server()
    service.url = str(server.make_url("")).rstrip("/")
    yield service
    await server.close()


@pytest.fixture
async def make(service):
    made = []

    def build(**settings):
        settings = {"url": service.url, "model": "m", "backoff_seconds": 0.01, "rng": random.Random(1), **settings}
        made.append(RemoteEmbedder(settings.pop("url"), **settings))
        return made[-1]

    yield build
    for embedder in made:
        await embedder.aclose()


class TestOpenAi(EmbedderContract):
    api = "openai"

    @pytest.fixture(autouse=True)
    def _service(self, make):
        self._make = make

    def make(self):
        return self._make(api=self.api, batch_size=2)


class TestTei(TestOpenAi):
    api = "tei"


async def test_openai_answers_are_put_in_order_of_their_index(service, make):
    texts = [f"text {i}" for i in range(7)]
    vectors = await make(batch_size=3).embed(texts)
    np.testing.assert_allclose(vectors, await HashingEmbedder(32).embed(texts), atol=1e-5)
    assert sorted(len(body["input"]) for _, body in service.requests) == [1, 3, 3]


@pytest.mark.parametrize(
    ("api", "tail", "path"),
    [
        ("openai", "", "/v1/embeddings"),
        ("openai", "/", "/v1/embeddings"),
        ("openai", "/v1", "/v1/embeddings"),
        ("openai", "/v1/embeddings", "/v1/embeddings"),
        ("openai", "/custom/embeddings", "/custom/embeddings"),
        ("tei", "", "/embed"),
        ("tei", "/embed/", "/embed"),
    ],
)
async def test_a_base_or_the_whole_endpoint(service, make, api, tail, path):
    await make(url=service.url + tail, api=api).embed(["x"])
    assert service.requests[0][0] == path


async def test_model_key_and_parameters_are_sent(service, make):
    await make(api_key="secret", parameters={"dimensions": 32}).embed(["x", ""])
    assert service.requests[0][1] == {"model": "m", "input": ["x", " "], "encoding_format": "float", "dimensions": 32}
    assert service.headers[0]["Authorization"] == "Bearer secret"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_what_passes_is_tried_again(service, make, status):
    service.script = [web.Response(status=status), web.Response(status=status)]
    assert (await make().embed(["x"])).shape == (1, 32)
    assert len(service.requests) == 3


async def test_a_broken_connection_is_tried_again(service, make):
    service.script = ["drop"]
    assert (await make().embed(["x"])).shape == (1, 32)


async def test_it_gives_up_and_says_what_was_answered(service, make):
    service.script = [web.Response(status=503, text="loading the model") for _ in range(9)]
    with pytest.raises(EmbeddingError, match=r"/v1/embeddings answered 503 .*loading the model; gave up after 3 attempts"):
        await make(retries=2).embed(["x"])
    assert len(service.requests) == 3


@pytest.mark.parametrize(
    ("status", "mend"),
    [
        (400, "model's name"),
        (401, "api_key"),
        (403, "api_key"),
        (404, "URL"),
        (413, "batch_size"),
        (422, "batch_size"),
        (302, "final URL"),
    ],
)
async def test_a_refusal_is_final_and_names_the_mend(service, make, status, mend):
    service.script = [web.Response(status=status, text="no: secret", headers={"Location": "/elsewhere"})]
    with pytest.raises(EmbeddingError, match=f"{status} .*{mend}") as caught:
        await make(api_key="secret").embed(["x"])
    assert len(service.requests) == 1
    assert "secret" not in str(caught.value)


async def test_retry_after_is_honoured(service, make):
    service.script = [web.Response(status=429, headers={"Retry-After": "0.3"})]
    start = time.monotonic()
    await make(backoff_seconds=0).embed(["x"])
    assert 0.3 <= time.monotonic() - start < 3


def test_retry_after_in_both_forms_within_a_minute():
    assert _seconds(None) is None
    assert _seconds("soon") is None
    assert _seconds("nan") is None
    assert _seconds("2") == 2.0
    assert _seconds("-5") == 0.0
    assert _seconds("86400") == 60.0
    assert 5 < _seconds(format_datetime(datetime.now(UTC) + timedelta(seconds=10), usegmt=True)) <= 10


async def test_backoff_grows_and_is_jittered(service, make, monkeypatch):
    service.script = [web.Response(status=500) for _ in range(4)]
    pauses, real = [], asyncio.sleep

    async def sleep(seconds, result=None):
        if seconds:
            pauses.append(seconds)
        return await real(0, result)

    embedder = make(backoff_seconds=1.0)
    monkeypatch.setattr("reco_sdk.embedding.remote.asyncio.sleep", sleep)
    await embedder.embed(["x"])
    rng = random.Random(1)
    assert pauses[:4] == [rng.uniform(0, 2.0**i) for i in range(4)]


async def test_a_slow_service_times_out(service, make):
    service.seconds = 0.5
    with pytest.raises(EmbeddingError, match=r"did not answer within 0.05 s; .*gave up after 2 attempts"):
        await make(timeout_seconds=0.05, retries=1).embed(["x"])


async def test_nobody_there():
    embedder = RemoteEmbedder(f"http://user:pass@127.0.0.1:{unused_port()}", model="m", retries=1, backoff_seconds=0)
    with pytest.raises(EmbeddingError, match=r"cannot be reached.*check that it runs") as caught:
        await embedder.embed(["x"])
    assert "pass" not in str(caught.value)
    assert caught.value.__cause__ is not None
    await embedder.aclose()


async def test_no_more_requests_at_once_than_allowed(service, make):
    service.seconds = 0.02
    embedder = make(batch_size=1, concurrency=3)
    await asyncio.gather(embedder.embed([str(i) for i in range(6)]), embedder.embed([str(i) for i in range(6)]))
    assert service.most_busy == 3


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"data": []}, "shape"),
        ({"data": [{"index": 0, "embedding": [1.0, 0.0]}]}, "shape"),
        ({"data": [{"index": 1, "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}]}, "not a list of vectors"),
        ({"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}]}, "not a list of vectors"),
        ({"data": [{"index": 0, "embedding": ["a"]}, {"index": 1, "embedding": ["b"]}]}, "not a list of vectors"),
        ({"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}]}, r"\(2, 1\) instead of \(2, 32\)"),
        ({"data": [{"index": i, "embedding": [float("nan")] * 32} for i in range(2)]}, "NaN"),
        ({"data": [{"index": i, "embedding": [1e400] * 32} for i in range(2)]}, "infinite"),
        ({"data": [{"index": i, "embedding": [0.0] * 32} for i in range(2)]}, "zeros"),
        ({"error": "no"}, "not a list of vectors"),
        ([1, 2], "not a list of vectors"),
        (None, "not a list of vectors"),
    ],
)
async def test_a_wrong_answer_is_refused(service, make, answer, said):
    service.script = [web.json_response(answer)]
    with pytest.raises(EmbeddingError, match=said) as caught:
        await make(dimension=32).embed(["x", "y"])
    assert service.url in str(caught.value)


async def test_an_answer_that_is_not_json(service, make):
    service.script = [web.Response(text="<html>hello</html>")]
    with pytest.raises(EmbeddingError, match="not JSON"):
        await make().embed(["x"])


async def test_one_failed_batch_fails_the_call_and_stops_the_rest(service, make):
    service.script = [web.Response(status=400)]
    with pytest.raises(EmbeddingError, match="400"):
        await make(batch_size=1, concurrency=1).embed([str(i) for i in range(50)])
    assert len(service.requests) < 5


async def test_the_dimension_comes_from_the_first_answer(make):
    embedder = make()
    with pytest.raises(EmbeddingError, match="dimension="):
        _ = embedder.dimension
    await embedder.embed(["x"])
    assert embedder.dimension == 32
    assert make(dimension=7).dimension == 7


async def test_the_fingerprint_is_of_model_and_parameters_not_of_the_host(make):
    one = make().fingerprint
    assert make(url="http://elsewhere:99/v1", api_key="other", batch_size=1).fingerprint == one
    assert make(model="n").fingerprint != one
    assert make(parameters={"dimensions": 8}).fingerprint != one
    assert make(api="tei").fingerprint != one


def test_a_second_loop_works_after_the_first():
    async def once(embedder):
        service = Service()
        server = TestServer(service.app, port=port)
        await server.start_server()
        try:
            return await embedder.embed(["x"])
        finally:
            await embedder.aclose()
            await server.close()

    port = unused_port()
    embedder = RemoteEmbedder(f"http://127.0.0.1:{port}", model="m")
    np.testing.assert_array_equal(asyncio.run(once(embedder)), asyncio.run(once(embedder)))


@pytest.mark.parametrize(
    "settings",
    [
        {"api": "grpc"},
        {"model": None},
        {"url": "ftp://host"},
        {"url": "host:80"},
        {"url": "http://"},
        {"batch_size": 0},
        {"concurrency": 0},
        {"dimension": 0},
        {"timeout_seconds": 0},
        {"retries": -1},
        {"backoff_seconds": -1},
    ],
)
def test_settings_are_checked(settings):
    settings = {"url": "http://host", "model": "m", **settings}
    with pytest.raises(ConfigError, match="RemoteEmbedder"):
        RemoteEmbedder(settings.pop("url"), **settings)


async def test_without_aiohttp_it_names_the_pip_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(MissingExtra, match=r"pip install 'reco-sdk\[server\]'"):
        await RemoteEmbedder("http://host", model="m").embed(["x"])
