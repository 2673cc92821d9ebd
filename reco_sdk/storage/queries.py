"""Named SQL statements, read from the ``.sql`` file beside a store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

__all__ = ["load_queries", "parse_queries"]

_HEADING = re.compile(r"^-- name: *(\w+) *$", re.MULTILINE)


def parse_queries(text: str) -> Mapping[str, str]:
    """Split text into its ``-- name: xxx`` blocks.

    Parameters
    ----------
    text
        What stands before the first heading is a comment and left out.

    Returns
    -------
    Mapping[str, str]
        Statement by name, read-only.

    Raises
    ------
    ValueError
        When a name stands twice or a block is empty.
    """
    parts = _HEADING.split(text)[1:]
    out: dict[str, str] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        statement = body.strip().removesuffix(";")
        if name in out or not statement:
            raise ValueError(f"query {name!r} stands twice or is empty")
        out[name] = statement
    return MappingProxyType(out)


@cache
def load_queries(file_name: str) -> Mapping[str, str]:
    """Return the statements of a file in this folder, for example ``"sqlite.sql"``."""
    return parse_queries(resources.files("reco_sdk.storage").joinpath(file_name).read_text("utf-8"))
