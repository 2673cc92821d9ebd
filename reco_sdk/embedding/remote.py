"""Vectors from a service over HTTP: OpenAI-compatible, or Hugging Face text-embeddings-inference."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reco_sdk.embedding.checks import check_texts, check_vectors, unit_rows
from reco_sdk.embedding.remote_wire import Api, Wire, mend_for_status, shown_url
from reco_sdk.errors import ConfigError, EmbeddingError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import aiohttp

    from reco_sdk.types import Vectors

__all__ = ["RemoteEmbedder"]

MAX_WAIT_SECONDS: Final = 60.0
_RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 529})


@dataclass(frozen=True, slots=True)
class _Link:
    """What belongs to one event loop."""

    loop: asyncio.AbstractEventLoop
    session: aiohttp.ClientSession
    slots: asyncio.Semaphore


class _Retry(Exception):
    def __init__(self, reason: str, after: float | None = None) -> None:
        self.after = after
        super().__init__(reason)


class RemoteEmbedder:
    """An embedding service, asked in batches.

    Answers 408, 425, 429 and 5xx, broken connections and timeouts are tried again, after ``Retry-After`` where the service
    names it (at most a minute), else after exponential backoff with full jitter. Other answers fail at once.

    Parameters
    ----------
    url
        ``https://host``, ``https://host/v1``, or the whole endpoint.
    api
        ``"openai"`` (``POST /v1/embeddings``) or ``"tei"`` (``POST /embed``).
    model
        Name the service knows; part of the fingerprint. Without one (``"tei"`` only) the URL stands for it.
    api_key
        Sent as bearer token; never shown in errors.
    dimension
        Length of the vectors; ``None`` takes it from the first answer.
    batch_size
        Texts in one request.
    concurrency
        Requests at once.
    timeout_seconds
        For one request.
    retries
        Further attempts after the first.
    backoff_seconds
        Longest wait before the first retry; doubled for each further one.
    parameters
        Further fields of each request, part of the fingerprint: ``{"dimensions": 256}``.
    rng
        For the jitter.

    Raises
    ------
    ConfigError
        For an address, name or number that cannot work.
    """

    def __init__(
        self,
        url: str,
        *,
        api: Api = "openai",
        model: str | None = None,
        api_key: str | None = None,
        dimension: int | None = None,
        batch_size: int = 64,
        concurrency: int = 4,
        timeout_seconds: float = 30.0,
        retries: int = 4,
        backoff_seconds: float = 0.5,
        parameters: Mapping[str, Any] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._wire = Wire(url, api, model, dict(parameters or {}))
        for name, value in (("batch_size", batch_size), ("concurrency", concurrency), ("dimension", dimension)):
            if value is not None and value < 1:
                raise ConfigError(f"RemoteEmbedder: {name} is {value}; give 1 or more")
        if timeout_seconds <= 0 or retries < 0 or backoff_seconds < 0:
            raise ConfigError("RemoteEmbedder: timeout_seconds must be positive, retries and backoff_seconds not negative")
        self._api_key = api_key
        self._dimension = dimension
        self._batch_size = batch_size
        self._concurrency = concurrency
        self._timeout_seconds = timeout_seconds
        self._retries = retries
        self._backoff_seconds = backoff_seconds
        self._rng = rng or random.Random()  # noqa: S311 - jitter
        self._link: _Link | None = None
        named = json.dumps([api, model or shown_url(self._wire.url), self._wire.parameters], sort_keys=True, default=str)
        self._fingerprint = f"remote-1-{hashlib.sha256(named.encode()).hexdigest()[:24]}"

    @property
    def fingerprint(self) -> str:
        """``remote-1-<24 hex digits>`` of protocol, model name and parameters.

        The service is trusted to serve the same model under the same name.
        """
        return self._fingerprint

    @property
    def dimension(self) -> int:
        """Length of the vectors.

        Raises
        ------
        EmbeddingError
            When it was not configured and no answer has come yet.
        """
        if self._dimension is None:
            raise EmbeddingError(
                f"the dimension of {shown_url(self._wire.url)} is not known before its first answer; configure dimension="
            )
        return self._dimension

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 ``(len(texts), d)`` unit rows, in the order of ``texts``.

        Raises
        ------
        EmbeddingError
            When the service cannot be reached or refuses, naming URL, status and mend, or answers with something else.
        MissingExtra
            When aiohttp is not installed.
        """
        given = check_texts(texts)
        if not given:
            return np.empty((0, self._dimension or 0), dtype=np.float32)
        link = await self._connect()
        starts = range(0, len(given), self._batch_size)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._batch(link, given[i : i + self._batch_size])) for i in starts]
        except* EmbeddingError as failures:
            first: BaseException = failures
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            failed = first
        else:
            return np.concatenate([task.result() for task in tasks])
        raise failed

    async def aclose(self) -> None:
        """Close the connections; idempotent."""
        link, self._link = self._link, None
        if link is not None and link.loop is asyncio.get_running_loop():
            await link.session.close()

    async def _connect(self) -> _Link:
        loop = asyncio.get_running_loop()
        if self._link is not None and self._link.loop is loop and not self._link.session.closed:
            return self._link
        try:
            import aiohttp  # noqa: PLC0415
        except ImportError as error:
            raise MissingExtra("aiohttp", "server") from error
        if self._link is not None:
            # It belongs to a loop that is gone, here or in the parent of a fork: it cannot be closed from this one.
            self._link.session.detach()
        headers = {"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}
        session = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=self._timeout_seconds))
        self._link = _Link(loop, session, asyncio.Semaphore(self._concurrency))
        return self._link

    async def _batch(self, link: _Link, texts: list[str]) -> Vectors:
        attempt = 0
        while True:
            try:
                async with link.slots:
                    answer = await self._post(link.session, texts)
                break
            except _Retry as reason:
                if attempt >= self._retries:
                    raise EmbeddingError(f"{reason}; gave up after {attempt + 1} attempts") from reason.__cause__
                longest = min(MAX_WAIT_SECONDS, self._backoff_seconds * 2**attempt)
                pause = self._rng.uniform(0.0, longest) if reason.after is None else reason.after
            attempt += 1
            await asyncio.sleep(pause)
        vectors = self._wire.vectors(answer, len(texts))
        if self._dimension is None:
            self._dimension = int(vectors.shape[1])
        where = shown_url(self._wire.url)
        return unit_rows(check_vectors(vectors, len(texts), self._dimension, where), where)

    async def _post(self, session: aiohttp.ClientSession, texts: list[str]) -> Any:
        import aiohttp  # noqa: PLC0415

        where = shown_url(self._wire.url)
        try:
            async with session.post(self._wire.url, json=self._wire.body(texts), allow_redirects=False) as response:
                status = response.status
                if status == 200:
                    return json.loads(await response.read())
                said = (await response.text(errors="replace"))[:300].strip()
                after = response.headers.get("Retry-After")
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
            what = (
                f"did not answer within {self._timeout_seconds:g} s"
                if isinstance(error, TimeoutError)
                else f"cannot be reached: {error}"
            )
            raise _Retry(f"{where} {what}; check that it runs and is reachable from here") from error
        except (aiohttp.ClientError, ValueError) as error:
            raise EmbeddingError(f"{where} answered with something that is not JSON: {error}; check the URL") from error
        message = f"{where} answered {status} ({mend_for_status(status)}): {self._without_key(said)}"
        if status in _RETRIED:
            raise _Retry(message, _seconds(after))
        raise EmbeddingError(message)

    def _without_key(self, text: str) -> str:
        return text.replace(self._api_key, "***") if self._api_key else text


def _seconds(after: str | None) -> float | None:
    """Return the seconds a ``Retry-After`` header asks for, in either of its forms, at most a minute."""
    if after is None:
        return None
    try:
        asked = float(after)
    except ValueError:
        try:
            moment = parsedate_to_datetime(after)
        except ValueError:
            return None
        asked = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(MAX_WAIT_SECONDS, max(0.0, asked)) if asked == asked else None  # noqa: PLR0124 - NaN
