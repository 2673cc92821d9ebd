"""torch, loaded by what trains and by nothing else: it takes a second, and 200 MB."""

from __future__ import annotations

from typing import Any

from reco_sdk.errors import MissingExtra

__all__ = ["load_torch"]


def load_torch() -> Any:
    """Return the module.

    Raises
    ------
    MissingExtra
        When it is not installed.
    """
    try:
        import torch  # noqa: PLC0415 - see above
    except ImportError as error:
        raise MissingExtra("torch", "embed") from error
    return torch
