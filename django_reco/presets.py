"""``RECO["PRESET"]``: the settings of a shop that many have, by one word; what is given beside it wins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.apps import apps

from django_reco.contrib.oscar.preset import OSCAR

__all__ = ["PRESETS", "installed_preset", "with_preset"]

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {"oscar": OSCAR}


def installed_preset() -> str:
    """Return the preset of the shop that is installed, a fork of it included; empty for another shop."""
    configs = (parent for config in apps.get_app_configs() for parent in type(config).__mro__)
    return "oscar" if any(config.__module__ == "oscar.apps.catalogue.apps" for config in configs) else ""


def with_preset(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the settings with those of the preset that they name.

    A dict given for ``ITEMS`` or ``ORDERS`` of the same model, or without one, and one for ``EVENTS`` or ``CONFIG``, is laid over
    the preset's; everything else takes its place.
    """
    out = dict(PRESETS.get(raw.get("PRESET", ""), {}))
    for key, given in raw.items():
        known = out.get(key)
        merged = isinstance(known, Mapping) and isinstance(given, Mapping) and _of_one_model(known, given)
        out[key] = {**known, **given} if merged else given  # type: ignore[dict-item]
    return out


def _of_one_model(known: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    return "model" not in given or str(given["model"]).lower() == str(known.get("model", "")).lower()
