"""A web server's access log, Common or Combined: addresses that match a pattern are what visitors did."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from reco_sdk.errors import ConfigError, ImportRefused
from reco_sdk.importing.opening import Opened
from reco_sdk.importing.options import ImportOptions
from reco_sdk.importing.readers.lines import text_lines
from reco_sdk.importing.readers.table import BadRow, Row, Table
from reco_sdk.importing.refusals import excerpt
from reco_sdk.interactions.interaction import KINDS
from reco_sdk.interactions.robots import is_robot

__all__ = ["UrlPattern", "read_access_log"]

_LINE: Final = re.compile(
    r'(?P<host>\S+) \S+ (?P<user>.*?) \[(?P<at>[^\]]+)\] "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) \S+'
    r'(?: "(?:[^"\\]|\\.)*" "(?P<agent>(?:[^"\\]|\\.)*)")?'
)
_TIME: Final = re.compile(r"(\d{2})/([A-Za-z]{3})/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})")
# Not strptime's %b, whose names change with the locale.
_MONTHS: Final = {name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
_FIELDS: Final = ("item_id", "query")
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}|(\*)")
# A page that is shown, unchanged since, or a form that leads on; a redirected page is asked for again at its new address.
_SEEN: Final = frozenset({"200", "203", "206", "304"})
_DONE: Final = _SEEN | {"201", "202", "204", "302", "303"}


@dataclass(frozen=True, slots=True)
class UrlPattern:
    """An address with places for what it tells: ``/products/{item_id}``, ``search=/find?q={query}``.

    ``{item_id}`` and ``{query}`` stand for a part of the path, or the whole value of a parameter; ``*`` stands for
    anything within one part. A final slash, and parameters that are not named, do not matter.
    """

    kind: str
    path: re.Pattern[str]
    parameters: tuple[tuple[str, re.Pattern[str]], ...]

    @classmethod
    def parse(cls, text: str) -> UrlPattern:
        """Read ``[KIND=]ADDRESS``; without a kind it is a ``view_item``, or a ``search`` where it has a ``{query}``.

        Raises
        ------
        ConfigError
            Saying what is wrong with it.
        """
        kind, equals, address = text.partition("=")
        if not equals or "/" in kind:
            kind, address = "search" if "{query}" in text else "view_item", text
        if kind not in KINDS:
            raise ConfigError(f"url {text!r}: {kind!r} is no kind of interaction; known are {', '.join(sorted(KINDS))}")
        if not address.startswith("/"):
            raise ConfigError(f"url {text!r}: an address begins with a slash, as in /products/{{item_id}}")
        path, _, query = address.partition("?")
        named = [name for name, _ in _PLACEHOLDER.findall(address) if name]
        wanted = "query" if kind == "search" else "item_id"
        if sorted(named) != [wanted]:
            raise ConfigError(f"url {text!r}: {kind} needs {{{wanted}}} in its address once, and nothing else in braces")
        pairs = [part.partition("=")[::2] for part in query.split("&") if part]
        return cls(
            kind,
            _compiled(path.rstrip("/"), "[^/]"),
            tuple((name, _compiled(value, ".")) for name, value in pairs),
        )

    def match(self, path: str, parameters: dict[str, list[str]]) -> dict[str, str] | None:
        """Return what an address tells, ``None`` where it is another one."""
        found = self.path.fullmatch(path.rstrip("/"))
        if found is None:
            return None
        told = found.groupdict()
        for name, pattern in self.parameters:
            values = [pattern.fullmatch(value) for value in parameters.get(name, ())]
            if not values or values[0] is None:
                return None
            told |= values[0].groupdict()
        return told


def _compiled(text: str, any_character: str) -> re.Pattern[str]:
    out, end = "", 0
    for place in _PLACEHOLDER.finditer(text):
        out += re.escape(text[end : place.start()])
        out += f"(?P<{place[1]}>{any_character}+?)" if place[1] else f"{any_character}*"
        end = place.end()
    return re.compile(out + re.escape(text[end:]), re.DOTALL)


def read_access_log(opened: Opened, options: ImportOptions) -> Table:
    """Return a row for each line whose address matches one of ``options.urls``; the first that matches counts.

    A visitor is who has the same address and browser. Robots, pages that were not there, and all other addresses are
    left out, and counted.

    Raises
    ------
    ImportRefused
        Without a pattern.
    ConfigError
        For a pattern that cannot be.
    """
    if not options.urls:
        raise ImportRefused(
            f"{opened.source.name}: is a web server's log; say which addresses are items, as in --url '/products/{{item_id}}'"
        )
    patterns = [UrlPattern.parse(text) for text in options.urls]
    left_out: dict[str, int] = {}
    return Table(columns=None, rows=_rows(opened, options, patterns, left_out), position=opened.position, left_out=left_out)


def _rows(opened: Opened, options: ImportOptions, patterns: list[UrlPattern], left_out: dict[str, int]) -> Iterator[Row | BadRow]:
    def leave_out(what: str) -> None:
        left_out[what] = left_out.get(what, 0) + 1

    for line, text in text_lines(opened, options.encoding):
        if text is not None and not text.strip():
            continue
        found = None if text is None else _LINE.match(text)
        at = None if found is None else _time(found["at"])
        if found is None or at is None:
            shown = "" if text is None else excerpt(text.strip())
            yield BadRow(line, "is no line of the Common or Combined Log Format", shown)
            continue
        method, _, rest = found["request"].partition(" ")
        kind, told = _told(rest.rpartition(" ")[0] or rest, patterns)
        agent = found["agent"]
        if kind is None:
            leave_out("other addresses")
        elif agent is not None and is_robot(agent if agent != "-" else ""):
            leave_out("robots")
        elif not (found["status"] in _SEEN if method == "GET" else method == "POST" and found["status"] in _DONE):
            leave_out(f"{method} answered {found['status']}")
        else:
            user = found["user"] if found["user"] not in {"-", '""'} else None
            yield Row(line, {"kind": kind, "at": at, "visitor_id": _visitor(found["host"], agent), "user_id": user, **told})


def _told(address: str, patterns: list[UrlPattern]) -> tuple[str | None, dict[str, Any]]:
    try:
        parts = urlsplit(address)
        parameters = parse_qs(parts.query)
    except ValueError:
        return None, {}
    for pattern in patterns:
        # Matched before it is decoded: an id may hold an encoded slash.
        told = pattern.match(parts.path, parameters)
        if told is not None:
            in_path = pattern.path.groupindex
            return pattern.kind, {name: unquote(value) if name in in_path else value for name, value in told.items()}
    return None, {}


def _time(text: str) -> datetime | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    try:
        zone = timezone(-offset if sign == "-" else offset)
        local = datetime(int(year), _MONTHS[month.lower()], int(day), int(hour), int(minute), min(int(second), 59), tzinfo=zone)
    except (ValueError, KeyError):
        return None
    return local.astimezone(UTC)


def _visitor(host: str, agent: str | None) -> str:
    """Return an id for a browser, so that no network address is stored."""
    return "log-" + hashlib.sha256(f"{host}\x00{agent or ''}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
