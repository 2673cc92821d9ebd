"""What the dashboard shows: the facts of ``doctor`` and the counters of this process, in groups."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from django_reco import metrics
from reco_sdk.errors import RecoError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_reco.backend import Backend

__all__ = ["facts"]

_TIER, _FALLBACK = "slate.tier.", "slate.fallback."


def facts(backend: Backend | None) -> dict[str, Any]:
    """Return the groups of the dashboard, each a heading and pairs of a name and a figure, and what is wrong."""
    figures = metrics.figures()
    shown = [(name.removeprefix("slate."), value) for name, value in figures.items() if name.startswith("slate.")]
    groups: list[tuple[str, list[tuple[str, Any]]]] = [
        (_("Rows shown by this process"), [pair for pair in shown if not pair[0].startswith(("tier.", "fallback."))]),
        (_("By tier"), _part(figures, _TIER)),
        (_("By fallback"), _part(figures, _FALLBACK)),
    ]
    if backend is None:
        return {"groups": [group for group in groups if group[1]]}
    try:
        diagnosis = backend.facade.doctor()
    except RecoError as error:
        return {"groups": [group for group in groups if group[1]], "problem": str(error)}
    said = diagnosis.facts
    snapshot, ranking, recorder = said["snapshot"] or {}, said["ranking"], said["recorder"]
    behind = max(said["item_version"] - backend.facade.core.item_version, 0)
    served = [(strategy, reason) for strategy, reason in ranking["serves"].items()]
    last = ranking["last_training"] or {}
    groups = [
        (
            _("Catalogue"),
            [
                (_("Items in the store"), said["items"]),
                (_("Items without a vector"), said["without_vector"]),
                (_("Snapshot"), Path(snapshot["path"]).name if snapshot else _("none")),
                (_("Changes since the snapshot"), said["delta_rows"]),
                (_("Changes not yet taken over"), behind),
                (_("Text model"), said["model"] or _("not loaded in this process")),
            ],
        ),
        (
            _("Ranking"),
            [
                (_("Model"), ranking["model"] or _("weights set by hand")),
                *([(_("since"), ranking["since"][:16])] if ranking["model"] else []),
                *served,
                *((f"{_('last training')}: {name}", verdict) for name, verdict in last.items()),
            ],
        ),
        (
            _("Interactions"),
            [
                *sorted(said["interactions"].items()),
                (_("Slates shown"), said["impressions"]),
                (_("accepted"), recorder["accepted"]),
                (_("written"), recorder["written"]),
                (_("dropped"), sum(recorder["dropped"].values())),
                (_("waiting"), sum(recorder["at_risk"].values())),
            ],
        ),
        *groups,
    ]
    return {"groups": [group for group in groups if group[1]], "problems": diagnosis.problems}


def _part(figures: Mapping[str, int], prefix: str) -> list[tuple[str, Any]]:
    return [(name.removeprefix(prefix), value) for name, value in figures.items() if name.startswith(prefix)]
