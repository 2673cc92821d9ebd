"""Settings of the recommender: frozen, validated, and the only reader of the environment."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from reco_sdk.errors import ConfigError

__all__ = ["Config"]

ENVIRONMENT_PREFIX: Final = "RECO_"
_SWITCH: Final = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": lambda text: _SWITCH[text.strip().lower()],
    "Mapping[str, Any]": json.loads,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How one recommender behaves. Every default is meant to be kept.

    Parameters
    ----------
    store
        Where the truth lives when ``open`` is given no URL, for example ``"sqlite:///shop.reco.sqlite3"``.
    listen_dsn
        For a store in PostgreSQL: a URL of the same database past any pooler, to hear of changes at once instead of at
        the next poll.
    state_dir
        Folder of the snapshots; default: beside the SQLite file, or a temporary one for ``memory://``.
    model
        Sentence-transformers model: a name, a folder, ``"hashing"`` (no model), or ``""`` for none.
    device
        ``"cuda"``, ``"mps"``, ``"cpu"``, or ``""`` for the best there is.
    exact_limit
        Catalogues up to this many items are searched exactly.
    graph
        Whether a large catalogue's HNSW graph is loaded: the fastest search, and memory that processes cannot share (190 MB
        for 100,000 items). Without it the clusters answer, whose files all processes of a host share.
    neighbours_per_item
        Length of each precomputed neighbour row.
    delta_limit
        So many changed items are searched exactly before a new snapshot is built by itself.
    deadline_ms
        What a request may take; past it, it answers from a cheaper tier.
    cache_ttl_seconds, cache_size
        How long and how many answers are kept; 0 seconds turns the cache off.
    session_gap_minutes
        A longer pause starts a new session.
    session_cap
        So many of a visitor's last interactions are kept live.
    visitor_ttl_days, max_visitors
        How long, and how many visitors' histories are kept live in memory.
    popular_half_life_days, trending_half_life_days
        Age at which an interaction counts half.
    new_arrival_days
        How long an item counts as new.
    flush_interval_seconds, buffer_limit
        How often the recorder writes, and how many interactions it holds at most.
    sessions_indexed
        So many of the most recent sessions are embedded into their own index.
    interactions_learned
        So many of the last interactions are counted in sessions and baskets.
    poll_interval_seconds
        How often a process looks for newer snapshots, items and interactions.
    lease_seconds
        How long the work of a process that died waits for another to take it over.
    snapshot_hours
        A worker builds a new snapshot at least so often while anything changes; 0 only when ``delta_limit`` is passed.
    train_hours, train_after_interactions
        A worker trains at most so often, and only once so much happened since the last time; 0 hours never.
    train_minutes
        What a training may take.
    keep_interactions_days, keep_impressions_days, keep_deleted_days
        How long a worker keeps what visitors did, what they were shown, and that an item was deleted; 0 keeps it for ever.
    api_token
        If set, the HTTP server wants it as a bearer token.
    explanations
        Whether the HTTP server answers ``/v1/why`` and ``/v1/why-not``, which tell what visitors did.
    placements
        What is asked for at each placement, where it is not the default; in the environment, as JSON. See
        :func:`reco_sdk.placements.read_placements`.
    """

    store: str = "sqlite:///shop.reco.sqlite3"
    listen_dsn: str = ""
    state_dir: str = ""
    model: str = "all-MiniLM-L6-v2"
    device: str = ""
    exact_limit: int = 20_000
    graph: bool = True
    neighbours_per_item: int = 50
    delta_limit: int = 1_000
    deadline_ms: float = 50.0
    cache_ttl_seconds: float = 30.0
    cache_size: int = 4_096
    session_gap_minutes: float = 30.0
    session_cap: int = 50
    visitor_ttl_days: float = 30.0
    max_visitors: int = 100_000
    popular_half_life_days: float = 30.0
    trending_half_life_days: float = 3.0
    new_arrival_days: float = 60.0
    flush_interval_seconds: float = 1.0
    buffer_limit: int = 10_000
    sessions_indexed: int = 10_000
    interactions_learned: int = 1_000_000
    poll_interval_seconds: float = 0.25
    lease_seconds: float = 5.0
    snapshot_hours: float = 24.0
    train_hours: float = 24.0
    train_after_interactions: int = 200
    train_minutes: float = 10.0
    keep_interactions_days: float = 730.0
    keep_impressions_days: float = 90.0
    keep_deleted_days: float = 30.0
    api_token: str = ""
    explanations: bool = False
    placements: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if f.type == "str":
                if not isinstance(value, str):
                    raise ConfigError(f"{f.name}: {value!r} is {type(value).__name__}, not text")
                continue
            if f.type == "Mapping[str, Any]":
                if not isinstance(value, Mapping):
                    raise ConfigError(f"{f.name}: {value!r} is {type(value).__name__}, not a dict")
                continue
            if f.type == "bool":
                if not isinstance(value, bool):
                    raise ConfigError(f"{f.name}: {value!r} is neither True nor False")
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
                raise ConfigError(f"{f.name}: {value!r} is not a number")
            if f.type == "int" and not isinstance(value, int):
                raise ConfigError(f"{f.name}: {value!r} is not a whole number")
            low = 0 if f.name in _MAY_BE_ZERO else _SMALLEST
            if value < low:
                raise ConfigError(f"{f.name}: {value!r} is too small; it must be {'0 or more' if low == 0 else 'greater than 0'}")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Config:
        """Read ``RECO_<NAME>`` variables; ``overrides`` win over them.

        Variables that name no setting are passed over: the prefix is not ours alone.

        Raises
        ------
        ConfigError
            For an override that names no setting, or a value that cannot work.
        """
        environ = os.environ if environ is None else environ
        known = {f.name: f.type for f in fields(cls)}
        values: dict[str, Any] = {}
        for key, text in environ.items():
            name = key.removeprefix(ENVIRONMENT_PREFIX).lower()
            if not key.startswith(ENVIRONMENT_PREFIX) or name not in known:
                continue
            try:
                values[name] = _READERS[str(known[name])](text)
            except (ValueError, KeyError) as error:
                raise ConfigError(f"{key}={text!r} is not {known[name]}") from error
        return cls(**values).with_settings(**overrides)

    def with_settings(self, **settings: Any) -> Config:
        """Return the same with single settings changed.

        Raises
        ------
        ConfigError
            For what is no setting, or a value that cannot work.
        """
        known = sorted(f.name for f in fields(self))
        for name in settings:
            if name not in known:
                raise ConfigError(f"{name!r} is no setting; known are {', '.join(known)}")
        return replace(self, **settings)

    def state_path(self, store_path: Path | None) -> Path | None:
        """Return the snapshots' folder for a store in a file, ``None`` where a temporary one is meant."""
        if self.state_dir:
            return Path(self.state_dir)
        return None if store_path is None else store_path.with_name(store_path.name + ".state")


_SMALLEST: Final = 1e-9
_MAY_BE_ZERO: Final = frozenset(
    {
        "cache_ttl_seconds",
        "exact_limit",
        "sessions_indexed",
        "interactions_learned",
        "delta_limit",
        "snapshot_hours",
        "train_hours",
    }
    | {"keep_interactions_days", "keep_impressions_days", "keep_deleted_days"}
)
