"""What goes over the wire to an embedding service and what comes back, for the two kinds of service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit, urlunsplit

import numpy as np

from reco_sdk.errors import ConfigError, EmbeddingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reco_sdk.types import Vectors

__all__ = ["Api", "Wire", "mend_for_status", "shown_url"]

Api = Literal["openai", "tei"]

_MENDS: Final = {
    400: "check the model's name and the parameters",
    401: "check api_key",
    403: "check what api_key may do",
    404: "check the URL and the model's name",
    413: "use a smaller batch_size",
    422: "use a smaller batch_size, or check the parameters",
    429: "use a lower concurrency, or ask for a higher limit",
}


@dataclass(frozen=True, slots=True)
class Wire:
    """One service: its endpoint, and how it is spoken to.

    Parameters
    ----------
    url
        A base such as ``https://host`` or ``https://host/v1``, or the whole endpoint.
    api
        ``"openai"``: ``POST /v1/embeddings``; ``"tei"``: text-embeddings-inference, ``POST /embed``.
    model
        Name the service knows it by; ``"openai"`` needs one.
    parameters
        Further fields of each request, such as ``{"dimensions": 256}``.

    Raises
    ------
    ConfigError
        For another api, a URL that is not http(s), or no model where one is needed.
    """

    url: str
    api: Api
    model: str | None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.api not in {"openai", "tei"}:
            raise ConfigError(f"RemoteEmbedder: api {self.api!r} is unknown; use 'openai' or 'tei'")
        if self.api == "openai" and not self.model:
            raise ConfigError("RemoteEmbedder: an OpenAI-compatible service needs model=, the name it serves")
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(f"RemoteEmbedder: {shown_url(self.url)!r} is not an http(s) URL such as 'https://host/v1'")
        path = parts.path.rstrip("/")
        end = "/embeddings" if self.api == "openai" else "/embed"
        if not path.endswith(end):
            path += end if self.api == "tei" or path.endswith("/v1") else f"/v1{end}"
        object.__setattr__(self, "url", urlunsplit(parts._replace(path=path, fragment="")))

    def body(self, texts: Sequence[str]) -> dict[str, Any]:
        """Return the request's JSON; OpenAI refuses an empty text, so a space stands for it."""
        if self.api == "tei":
            return {"inputs": list(texts), "truncate": True, "normalize": True, **self.parameters}
        return {"model": self.model, "input": [text or " " for text in texts], "encoding_format": "float", **self.parameters}

    def vectors(self, answer: Any, count: int) -> Vectors:
        """Return float32 ``(count, d)`` in the order of the texts sent.

        Raises
        ------
        EmbeddingError
            For an answer of another form, another count, rows of unequal length, or values that are not numbers.
        """
        where = shown_url(self.url)
        try:
            rows = answer if self.api == "tei" else self._in_order(answer["data"])
            vectors = np.asarray(rows, dtype=np.float32)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise EmbeddingError(
                f"{where} answered with something that is not a list of vectors ({type(error).__name__}: {error}); "
                f"check that it speaks the {self.api!r} protocol"
            ) from error
        if vectors.ndim != 2 or len(vectors) != count:
            raise EmbeddingError(
                f"{where} answered with shape {vectors.shape} to {count} texts; check that it speaks the {self.api!r} protocol"
            )
        return vectors

    @staticmethod
    def _in_order(data: list[dict[str, Any]]) -> list[Any]:
        """Return the embeddings by their ``index``; services that work in parallel answer out of order."""
        by_index = {entry["index"]: entry["embedding"] for entry in data}
        if sorted(by_index) != list(range(len(data))):
            raise ValueError(f"indexes {sorted(by_index)[:5]}… do not count from 0 to {len(data) - 1}")
        return [by_index[i] for i in range(len(data))]


def shown_url(url: str) -> str:
    """Return ``url`` without user, password and query, which may hold secrets."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        netloc = f"{host}:{parts.port}" if parts.port else host
    except ValueError:
        return "(a URL that cannot be parsed)"
    return urlunsplit((parts.scheme, netloc, parts.path, "", ""))


def mend_for_status(status: int) -> str:
    """Return what to do about an HTTP status."""
    if status in _MENDS:
        return _MENDS[status]
    if 300 <= status < 400:
        return "redirects are not followed, so that the key goes nowhere else; give the final URL"
    return "check the service and its log" if status >= 500 else "check the request"
