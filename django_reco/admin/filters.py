"""What the list of rules can be narrowed by, read from the rules themselves."""

# ruff: noqa: ARG002  Django's own signatures

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils.translation import gettext_lazy

from django_reco.models import Rule
from reco_sdk.placements import DEFAULTS

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

__all__ = ["PlacementFilter", "TimeFilter"]


def _chosen(queryset: QuerySet[Rule], wanted: Callable[[dict[str, Any]], bool]) -> QuerySet[Rule]:
    found = []
    for pk, data in queryset.values_list("pk", "data"):
        try:
            said = json.loads(data)
        except ValueError:
            continue
        if isinstance(said, dict) and wanted(said):
            found.append(pk)
    return queryset.filter(pk__in=found)


class PlacementFilter(admin.SimpleListFilter):
    """Rules that may hold at a placement."""

    title = gettext_lazy("placement")
    parameter_name = "placement"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return every placement."""
        return [(name, name) for name in DEFAULTS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rules that name the chosen one, or none at all."""
        name = self.value()
        if not name:
            return queryset
        return _chosen(queryset, lambda said: not said.get("placements") or name in said["placements"])


class TimeFilter(admin.SimpleListFilter):
    """Rules that hold now, later, or no longer."""

    title = gettext_lazy("time")
    parameter_name = "time"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the three."""
        return [("now", gettext_lazy("now")), ("later", gettext_lazy("later")), ("over", gettext_lazy("over"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rules of the chosen time."""
        chosen, now = self.value(), time.time()
        return _chosen(queryset, lambda said: _when(said, now) == chosen) if chosen else queryset


def _when(said: dict[str, Any], now: float) -> str:
    begin, end = (datetime.fromisoformat(said[name]).timestamp() if said.get(name) else None for name in ("starts_at", "ends_at"))
    if end is not None and end <= now:
        return "over"
    return "later" if begin is not None and begin > now else "now"
