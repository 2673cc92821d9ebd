"""Raw settings → typed ones, and everything that cannot work."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any, Final

from django_reco.presets import PRESETS, with_preset
from django_reco.specs import CookieSettings, EventSpec, ItemsSpec, OrdersSpec, Problem, Settings
from reco_sdk.config import Config
from reco_sdk.errors import ConfigError
from reco_sdk.interactions.interaction import KINDS
from reco_sdk.sessions.segments import KNOWN_SEGMENTS

__all__ = ["parse"]

MODES: Final = ("poll", "listen", "inline")


def parse(raw: object) -> tuple[Settings, list[Problem]]:
    """Return the settings as far as they can be read, and everything that cannot work."""
    parser = _Parser()
    return parser.run(raw), parser.problems


_TEXTS: Final = frozenset({"PRESET", "MODE", "STORE", "LISTEN_DSN", "STATE_DIR", "MODEL", "CONSENT", "SITE", "BOTS", "BASE_URL"})
_FLAGS: Final = frozenset({"EMBED_IN_WEB", "IGNORE_STAFF", "TRACK_VIEWS"})
_NUMBERS: Final = frozenset(
    {"DEADLINE_MS", "CACHE_TTL_SECONDS", "POLL_SECONDS", "ORDERS_SECONDS", "SWEEP_SECONDS", "START_SECONDS", "SPARE"}
)
_MAY_BE_ZERO: Final = frozenset({"CACHE_TTL_SECONDS", "START_SECONDS", "SPARE"})
# What the Django settings decide themselves.
_OWN_CONFIG: Final = frozenset(
    {"store", "listen_dsn", "state_dir", "model", "deadline_ms", "cache_ttl_seconds", "poll_interval_seconds", "placements"}
)


class _Parser:
    """Raw settings → typed ones, collecting problems instead of stopping at the first."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def problem(self, check_id: str, message: str, hint: str) -> None:
        self.problems.append(Problem(check_id, message, hint))

    def run(self, raw: object) -> Settings:
        if not isinstance(raw, Mapping):
            self.problem("reco.E001", f"RECO is {type(raw).__name__}, not a dict.", 'Write RECO = {"ITEMS": "shop.Product"}.')
            return Settings()
        preset = raw.get("PRESET", "")
        if not isinstance(preset, str) or (preset and preset not in PRESETS):
            self.problem("reco.E003", f'RECO["PRESET"] is {preset!r}.', f"Use one of {', '.join(sorted(PRESETS))}.")
            return Settings()
        raw = with_preset(raw)
        known = {f.name.upper() for f in dataclass_fields(Settings)}
        self.unknown("RECO", raw, known, "reco.E002")
        values: dict[str, Any] = {}
        for key in sorted(known & set(raw)):
            value = self.value(key, raw[key])
            if value is not None:
                values[key.lower()] = value
        return Settings(**values)

    def value(self, key: str, value: Any) -> Any:
        if key == "ITEMS":
            return self.entries(key, value, ItemsSpec, "reco.E010")
        if key == "ORDERS":
            return self.entries(key, value, OrdersSpec, "reco.E020")
        if key == "EVENTS":
            return self.events(value)
        if key == "COOKIE":
            return self.cookie(value)
        if key == "CONFIG":
            return self.config(value)
        if key == "PLACEMENTS":
            return self.placements(value)
        if key == "SEGMENTS":
            return self.segments(value)
        if key in _TEXTS:
            return self.text(key, value)
        return self.plain(key, value)

    def text(self, key: str, value: Any) -> str | None:
        if isinstance(value, Path) and key in {"STATE_DIR", "MODEL", "STORE"}:
            value = f"sqlite:///{value}" if key == "STORE" else str(value)
        if not isinstance(value, str):
            self.problem("reco.E003", f'RECO["{key}"] is {type(value).__name__}, not text.', "Give a string.")
            return None
        if key == "MODE" and value not in MODES:
            self.problem("reco.E003", f'RECO["MODE"] is {value!r}.', f"Use one of {', '.join(MODES)}.")
            return None
        if key == "BASE_URL" and value and not value.startswith(("https://", "http://")):
            self.problem("reco.E003", f'RECO["BASE_URL"] is {value!r}.', "Give the whole address, 'https://shop.example'.")
            return None
        if key == "BOTS":
            try:
                re.compile(value)
            except re.error as error:
                self.problem("reco.E003", f'RECO["BOTS"] is no regular expression: {error}.', "Mend it, or leave it out.")
                return None
        return value

    def plain(self, key: str, value: Any) -> Any:
        if key in _FLAGS:
            if not isinstance(value, bool):
                self.problem("reco.E003", f'RECO["{key}"] is {value!r}, not True or False.', "Give True or False.")
                return None
            return value
        whole = key == "SPARE"
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            self.problem("reco.E003", f'RECO["{key}"] is {value!r}, not a {"whole " * whole}number.', "Give a number.")
            return None
        if not 0 <= value < 1e9 or (value == 0 and key not in _MAY_BE_ZERO):
            self.problem("reco.E003", f'RECO["{key}"] is {value!r}, out of range.', "Give a number greater than 0.")
            return None
        return value

    def cookie(self, value: Any) -> CookieSettings | None:
        spec: CookieSettings | None = self.record('RECO["COOKIE"]', value, CookieSettings, "reco.E003")
        if spec is not None and spec.name == spec.session_name:
            hint = "Give the second another 'session_name', or an empty one for no second cookie."
            self.problem("reco.E003", f'RECO["COOKIE"] names both cookies {spec.name!r}.', hint)
            return None
        return spec

    def config(self, value: Any) -> Mapping[str, Any] | None:
        if not isinstance(value, Mapping):
            self.problem("reco.E003", f'RECO["CONFIG"] is {type(value).__name__}, not a dict.', "Give fields of reco_sdk.Config.")
            return None
        known = {f.name for f in dataclass_fields(Config)} - _OWN_CONFIG
        if self.unknown('RECO["CONFIG"]', value, known, "reco.E002"):
            return None
        try:
            Config(**value)
        except (ConfigError, TypeError) as error:
            self.problem("reco.E003", f'RECO["CONFIG"]: {error}.', "See the settings reference.")
            return None
        return dict(value)

    def placements(self, value: Any) -> Mapping[str, Any]:
        from django_reco.placements import read_specs  # noqa: PLC0415  numpy and the engine: not before they are needed

        specs, problems = read_specs(value)
        self.problems += problems
        return specs

    def segments(self, value: Any) -> Mapping[str, Any] | None:
        hint = 'Give {"wholesale": "shop.segments.is_wholesale"}: a name of your own, and callable(request) -> bool.'
        if not isinstance(value, Mapping):
            self.problem("reco.E003", f'RECO["SEGMENTS"] is {type(value).__name__}, not a dict.', hint)
            return None
        for name, given in value.items():
            if not isinstance(name, str) or not name.strip() or name in KNOWN_SEGMENTS:
                why = "is known by itself" if name in KNOWN_SEGMENTS else "is no name"
                self.problem("reco.E003", f'RECO["SEGMENTS"]: {name!r} {why}.', hint)
            elif not (isinstance(given, str) or callable(given)):
                self.problem("reco.E003", f'RECO["SEGMENTS"]["{name}"] is {given!r}.', hint)
        return dict(value)

    def entries(self, key: str, value: Any, kind: type[Any], check_id: str) -> tuple[Any, ...]:
        if isinstance(value, str) and kind is ItemsSpec:
            value = {"model": value}
        if isinstance(value, Mapping):
            value = [value]
        if isinstance(value, str) or not isinstance(value, Sequence):
            self.problem(check_id, f'RECO["{key}"] is {type(value).__name__}.', "Give a dict, or a list of dicts.")
            return ()
        specs = []
        for position, entry in enumerate(value):
            name = f'RECO["{key}"]' if len(value) == 1 else f'RECO["{key}"][{position}]'
            raw = {"model": entry} if isinstance(entry, str) and kind is ItemsSpec else entry
            spec = self.record(name, raw, kind, check_id)
            if spec is not None:
                specs.append(spec)
        models = [spec.model.lower() for spec in specs]
        for model in sorted({m for m in models if models.count(m) > 1}):
            self.problem(check_id, f'RECO["{key}"] names {model} twice.', "Join the two entries.")
        return tuple(specs)

    def events(self, value: Any) -> tuple[EventSpec, ...]:
        if not isinstance(value, Mapping):
            self.problem("reco.E030", f'RECO["EVENTS"] is {type(value).__name__}.', 'Give {"shop.signals.viewed": {"kind": …}}.')
            return ()
        specs = []
        for signal, raw in value.items():
            name = f'RECO["EVENTS"]["{signal}"]'
            entry = {"kind": raw} if isinstance(raw, str) else raw
            spec = self.record(name, {**entry, "signal": signal} if isinstance(entry, Mapping) else entry, EventSpec, "reco.E030")
            if spec is None:
                continue
            if spec.kind not in KINDS:
                self.problem("reco.E030", f"{name}: kind {spec.kind!r} is unknown.", f"Use one of {', '.join(sorted(KINDS))}.")
                continue
            needed = "query" if spec.kind == "search" else "item"
            if getattr(spec, needed) is None:
                self.problem(
                    "reco.E030", f"{name} names no {needed}.", f'Add "{needed}": the name under which the signal sends it.'
                )
                continue
            specs.append(spec)
        return tuple(specs)

    def record(self, name: str, raw: Any, kind: type[Any], check_id: str) -> Any:
        """Build one frozen record from a dict, checking names and types of its fields."""
        if not isinstance(raw, Mapping):
            self.problem(check_id, f"{name} is {type(raw).__name__}, not a dict.", "Give a dict.")
            return None
        types = {f.name: str(f.type) for f in dataclass_fields(kind)}
        if self.unknown(name, raw, types, "reco.E002"):
            return None
        values: dict[str, Any] = {}
        for key, given in raw.items():
            value = given
            if key in {"text", "prefetch"}:
                value = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, Iterable) else given
            elif key == "watch":
                value = _watched(given)
            if not _fits(value, types[key]):
                self.problem(check_id, f"{name}[{key!r}] is {given!r}.", f"It should be {_described(types[key])}.")
                return None
            values[key] = value
        missing = [f for f, t in types.items() if t == "str" and f not in values and f in {"model", "item", "kind", "signal"}]
        missing = [f for f in missing if not (kind is EventSpec and f == "item")]
        if missing:
            self.problem(check_id, f"{name} has no {missing[0]!r}.", f"Add {missing[0]!r}.")
            return None
        return kind(**values)

    def unknown(self, name: str, raw: Mapping[Any, Any], known: Iterable[str], check_id: str) -> bool:
        """Report keys that are no settings, each with the nearest that is one."""
        names = sorted(known)
        found = [key for key in raw if key not in names]
        for key in found:
            text = str(key)
            close = difflib.get_close_matches(text, names, n=1) or difflib.get_close_matches(text.upper(), names, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else f"Known are {', '.join(names)}."
            self.problem(check_id, f"{name} has no setting {text!r}.", hint)
        return bool(found)


def _watched(given: Any) -> Any:
    if isinstance(given, str):
        return {given: ""}
    if isinstance(given, Sequence):
        return dict.fromkeys(given, "")
    return given


_KINDS: Final[Mapping[str, tuple[Any, str]]] = {
    "str": (str, "text"),
    "bool": (bool, "True or False"),
    "int": (int, "a whole number"),
    "tuple[str, ...]": (tuple, "a path or a list of paths"),
    "Mapping[str, Any]": (Mapping, "a dict"),
    "Mapping[str, str]": (Mapping, "a dict of texts"),
}


def _fits(value: object, annotation: str) -> bool:
    base, _, optional = annotation.partition(" | ")
    if value is None:
        return bool(optional)
    if not isinstance(value, _KINDS[base][0]):
        return False
    if base == "tuple[str, ...]" and isinstance(value, tuple):
        return bool(value) and all(isinstance(entry, str) for entry in value)
    if base == "Mapping[str, str]" and isinstance(value, Mapping):
        return all(isinstance(k, str) and isinstance(v, str) for k, v in value.items())
    return True


def _described(annotation: str) -> str:
    base, _, optional = annotation.partition(" | ")
    return _KINDS[base][1] + (" or None" if optional else "")
