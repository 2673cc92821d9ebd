"""A panel for django-debug-toolbar: the rows of a page, what answered each, and what stands behind each product.

Add ``"django_reco.debug_panel.RecoPanel"`` to ``DEBUG_TOOLBAR_PANELS``.
"""

# ruff: noqa: ARG002  the toolbar's own signatures

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from debug_toolbar.panels import Panel
from django.utils.translation import gettext_lazy

from django_reco.signals import slate_made

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from django_reco.asked import Question
    from django_reco.slates import ObjectSlate

__all__ = ["RecoPanel"]


class RecoPanel(Panel):
    """The rows of one page."""

    title: ClassVar[Any] = gettext_lazy("Recommendations")
    nav_title: ClassVar[Any] = title
    # The toolbar declares properties and lets panels assign them.
    template = "django_reco/debug_panel.html"  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    panel_id = "RecoPanel"  # pyright: ignore[reportAssignmentType]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rows: list[dict[str, Any]] = []

    @property
    def nav_subtitle(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        """How many rows the page shows."""
        stats: Any = self.get_stats()  # type: ignore[no-untyped-call]
        return str(len(stats.get("rows", ())))

    def enable_instrumentation(self) -> None:
        """Begin to look at rows."""
        slate_made.connect(self._take)

    def disable_instrumentation(self) -> None:
        """Look no longer."""
        slate_made.disconnect(self._take)

    def generate_stats(self, request: HttpRequest, response: HttpResponse) -> None:
        """Keep what was seen."""
        self.record_stats({"rows": self._rows})  # type: ignore[no-untyped-call]

    def _take(self, *, request: HttpRequest | None, question: Question, slate: ObjectSlate, **_: Any) -> None:
        if request is not self.toolbar.request:
            return  # the page of another thread
        items = [
            {
                "id": obj.reco.id,
                "title": str(obj),
                "score": float(obj.reco.score),
                "reason": str(obj.reco.reason),
                "parts": [[source, float(part)] for source, part in obj.reco.contributions.items()],
            }
            for obj in slate
        ]
        names = ("strategy", "placement", "tier", "fallback")
        row = {name: getattr(slate, name) for name in names}
        self._rows.append(
            {
                **row,
                "asked": list(question.strategies),
                "seeds": list(question.seeds),
                "relaxed": list(slate.relaxed),
                "shown": items,
            }
        )
