"""Products in the admin: why each row of a product is what it is, why something is missed, and the dashboard."""

# ruff: noqa: ARG002  Django's own signatures

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _

from django_reco.admin.dashboard import facts
from django_reco.admin.forms import full_id
from django_reco.admin.rows import missing, page, pictures, search, touching
from django_reco.recommender import process
from reco_sdk.errors import RecoError
from reco_sdk.placements import DEFAULTS

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    from django_reco.backend import Backend

__all__ = ["ItemAdmin"]


class ItemAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Products as the recommender knows them; nothing is changed here. Whoever may view them may see why they are shown."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return that nothing is added: products come from the shop."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return that nothing is changed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return that nothing is deleted."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """Return the dashboard's address beside those of Django."""
        view = self.admin_site.admin_view(self.dashboard_view)
        return [path("dashboard/", view, name="django_reco_dashboard"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the catalogue in memory, searched by title or id."""
        words = request.GET.get("q", "").strip()
        context: dict[str, Any] = {"title": _("Products"), "query": words}
        backend = self._backend(request, context)
        if backend is not None:
            found = search(backend.facade.core.engine.state.view, full_id(words) if words.isdigit() else words)
            images = pictures([item_id for item_id, _ in found])
            context["found"] = [(item_id, title, images.get(item_id)) for item_id, title in found]
        return self._answer(request, "storeditem/products.html", {**context, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Show the rows of a product with why each item is in them, its rules, and why another product is missed."""
        item_id, placement = unquote(object_id), request.GET.get("placement", "item")
        context: dict[str, Any] = {"title": item_id, "item_id": item_id, "placements": list(DEFAULTS), "placement": placement}
        context["wanted"] = request.GET.get("missing", "").strip()
        backend = self._backend(request, context)
        if backend is not None:
            engine = backend.facade.core.engine
            row = engine.state.view.row(item_id)
            known = {"title": engine.state.view.title(row), "subtitle": item_id} if row >= 0 else {}
            context |= {"known": row >= 0, **known}
            try:
                if row >= 0:
                    context |= {"rows": page(engine, item_id), "rules": touching(engine, item_id)}
                    if context["wanted"]:
                        context["answer"] = missing(engine, full_id(context["wanted"]), item_id, placement)
            except RecoError as error:
                context["problem"] = str(error)
        return self._answer(request, "storeditem/why.html", {**context, **(extra_context or {})})

    def dashboard_view(self, request: HttpRequest) -> HttpResponse:
        """Show what the recommender holds, how far it is behind, what serves, and what was shown."""
        context: dict[str, Any] = {"title": _("Dashboard")}
        backend = self._backend(request, context)
        return self._answer(request, "dashboard.html", {**context, **facts(backend)})

    def _backend(self, request: HttpRequest, context: dict[str, Any]) -> Backend | None:
        """Return the recommender; where there is none, the page says so."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        backend = process.backend(in_line=True)
        if backend is None:
            context["problem"] = process.error or _("The recommender does not answer now.")
        return backend

    def _answer(self, request: HttpRequest, template: str, context: dict[str, Any]) -> TemplateResponse:
        request.current_app = self.admin_site.name
        told = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        return TemplateResponse(request, f"admin/django_reco/{template}", told)
