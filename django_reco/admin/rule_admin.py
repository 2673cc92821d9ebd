"""Rules in the admin: written through :mod:`django_reco.rules`, so that history is kept and every process hears of it."""

# ruff: noqa: ARG002  Django's own signatures

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from django_reco.admin.filters import PlacementFilter, TimeFilter
from django_reco.admin.forms import ACTIONS, LISTS, RuleForm, full_id
from django_reco.admin.rows import preview
from django_reco.models import Rule, RuleHistory
from django_reco.recommender import process
from django_reco.rules import changed_at, delete_rule, in_shop_database, put_rule, rule_of
from django_reco.wording import spoken
from reco_sdk.errors import InvalidRule, RecoError
from reco_sdk.placements import DEFAULTS
from reco_sdk.rulebook import conflicts

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.urls import URLPattern

__all__ = ["RuleAdmin"]

_KINDS = {
    "slot": gettext_lazy("Two pins on one place"),
    "hidden": gettext_lazy("Shown by one rule, hidden by another"),
    "replaced": gettext_lazy("Two replacements of one row"),
    "nothing": gettext_lazy("Acts on no product"),
}


class RuleAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Merchandising rules."""

    form = RuleForm
    list_display = ("__str__", "action_name", "enabled", "places", "period", "priority", "changed", "updated_by")
    list_filter = (PlacementFilter, "action", "enabled", TimeFilter)
    search_fields = ("rule_id", "note", "data")
    ordering = ("-priority", "rule_id")
    actions = ("enable", "disable")
    fieldsets = (
        (None, {"fields": ("note", "rule_id", "enabled", "action", "slot", "factor", "strategy")}),
        (gettext_lazy("What it acts on"), {"fields": ("items", "categories", "brands", "where")}),
        (
            gettext_lazy("Where and when it holds"),
            {
                "fields": (
                    "placements", "strategies", "in_categories", "sites", "languages", "segments",
                    "starts_at", "ends_at", "priority",
                )
            },
        ),
    )  # fmt: skip

    # -- the list

    @admin.display(description=gettext_lazy("What it does"), ordering="action")
    def action_name(self, row: Rule) -> str:
        """Return what it does."""
        return str(ACTIONS.get(row.action, row.action))

    @admin.display(description=gettext_lazy("Placements"))
    def places(self, row: Rule) -> str:
        """Return where it holds."""
        said = _data(row)
        named = (", ".join(said.get(name, ())) for name in ("placements", "strategies", "in_categories", "sites", "languages"))
        return " · ".join(text for text in named if text) or _("everywhere")

    @admin.display(description=gettext_lazy("Period"))
    def period(self, row: Rule) -> str:
        """Return when it holds."""
        said = _data(row)
        begin, end = (str(said.get(name, ""))[:10] for name in ("starts_at", "ends_at"))
        return f"{begin} – {end}" if begin or end else _("always")

    @admin.display(description=gettext_lazy("Changed"), ordering="updated_at")
    def changed(self, row: Rule) -> Any:
        """Return when it was changed last."""
        return changed_at(row.updated_at)

    @admin.action(description=gettext_lazy("Enable the chosen rules"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        """Switch rules on."""
        self._switch(request, queryset, enabled=True)

    @admin.action(description=gettext_lazy("Disable the chosen rules"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        """Switch rules off, without losing them."""
        self._switch(request, queryset, enabled=False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Rule], *, enabled: bool) -> None:
        done = 0
        for row in queryset:
            try:
                put_rule(replace(rule_of(row), enabled=enabled), by=request.user)
            except InvalidRule as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                done += 1
        text = ngettext("%(n)d rule holds as you chose.", "%(n)d rules hold as you chose.", done) % {"n": done}
        self.message_user(request, text, messages.SUCCESS)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the list, and where rules are at odds."""
        told = {"conflicts": self._conflicts(), "elsewhere": not self._here()}
        return super().changelist_view(request, {**told, **(extra_context or {})})

    # -- the form

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the row with its rule's fields, for those who may only look at them."""
        row = super().get_object(request, object_id, from_field)
        if isinstance(row, Rule):
            try:
                rule = rule_of(row)
            except InvalidRule as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                for name in (*LISTS, "placements", "strategies", "segments"):
                    setattr(row, name, ", ".join(getattr(rule, name)))
                for name in ("where", "slot", "factor", "strategy", "starts_at", "ends_at"):
                    setattr(row, name, getattr(rule, name))
        return row

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Show the form, with the preview and what the rule is at odds with."""
        rule_id = None if object_id is None else unquote(object_id)
        told = {
            "conflicts": [] if rule_id is None else self._conflicts(rule_id),
            "preview_url": self._url("preview", *(() if object_id is None else (object_id,))),
            "preview_placements": list(DEFAULTS),
        }
        return super().changeform_view(request, object_id, form_url, {**told, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Store the rule with its history."""
        put_rule(form.rule, by=request.user)
        obj.refresh_from_db()
        for conflict in self._conflicts(form.rule.id):
            self.message_user(request, f"{conflict['kind']}: {conflict['text']}", messages.WARNING)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete the rule, keeping its history."""
        delete_rule(obj.rule_id, by=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        """Delete several, keeping their history."""
        for row in queryset:
            self.delete_model(request, row)

    # -- preview

    def get_urls(self) -> list[URLPattern]:
        """Return the preview's address beside those of Django."""
        view = self.admin_site.admin_view(require_POST(self.preview_view))
        own = [
            path("preview/", view, name="django_reco_rule_preview"),
            path("<path:object_id>/preview/", view, name="django_reco_rule_preview"),
        ]
        return [*own, *super().get_urls()]

    def preview_view(self, request: HttpRequest, object_id: str | None = None) -> HttpResponse:
        """Answer what a row would be if the rule of the form held now; nothing is stored."""
        row = None if object_id is None else self.get_object(request, unquote(object_id))
        if not (self.has_add_permission(request) if row is None else self.has_change_permission(request, row)):
            raise PermissionDenied
        form: Any = self.get_form(request, row, change=row is not None)(request.POST, instance=row)
        context: dict[str, Any] = {"form": form, "title": _("Preview")}
        if form.is_valid():
            item, placement = full_id(request.POST.get("preview_item", "")), request.POST.get("preview_placement", "")
            backend = process.backend(in_line=True)
            try:
                if backend is None:
                    context["problem"] = process.error or _("The recommender does not answer now.")
                else:
                    engine = backend.facade.core.engine
                    if item and engine.state.view.row(item) < 0:
                        context["problem"] = _("The recommender does not know this product.")
                    context |= preview(engine, form.rule, item, placement)
            except RecoError as error:
                context["problem"] = str(error)
        response = TemplateResponse(request, "admin/django_reco/rule/preview.html", context)
        response["X-Frame-Options"] = "SAMEORIGIN"  # the form shows it in a frame of its own
        return response

    # -- history

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show every change of a rule: who, when, what it was and became."""
        rule_id = unquote(object_id)
        row = Rule.objects.filter(rule_id=rule_id).first()
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        changes = [
            {"at": changed_at(change.changed_at), "by": change.changed_by, "fields": _differences(change.before, change.after)}
            for change in RuleHistory.objects.filter(rule_id=rule_id).order_by("-version")[:200]
        ]
        request.current_app = self.admin_site.name
        told = {"title": _("History"), "subtitle": rule_id, "changes": changes, "opts": self.opts, "object": row}
        context = {**self.admin_site.each_context(request), **told, **(extra_context or {})}
        return TemplateResponse(request, "admin/django_reco/rule/history.html", context)

    # -- permissions

    def _here(self) -> bool:
        return in_shop_database()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether a rule may be added; none where rules are kept in another store."""
        return self._here() and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether a rule may be changed."""
        return self._here() and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether a rule may be deleted."""
        return self._here() and super().has_delete_permission(request, obj)

    # -- inside

    def _url(self, name: str, *args: str) -> str:
        return reverse(f"admin:django_reco_rule_{name}", args=args, current_app=self.admin_site.name)

    def _conflicts(self, rule_id: str | None = None) -> list[dict[str, str]]:
        """Return where rules are at odds, those of one or of all."""
        rules = []
        for row in Rule.objects.filter(enabled=True):
            try:
                rules.append(rule_of(row))
            except InvalidRule:
                continue  # the form and the list of problems say so
        backend = process.backend(in_line=True) if rules else None
        view = None if backend is None else backend.facade.core.engine.state.view
        found = conflicts(rules, view if view is not None and len(view) else None)
        told = [one for one in found if rule_id is None or rule_id in one.rule_ids]
        return [{"kind": str(_KINDS[one.kind]), "rules": ", ".join(one.rule_ids), "text": spoken(one.text)} for one in told]


def _data(row: Rule) -> dict[str, Any]:
    try:
        said = json.loads(row.data)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _differences(before: str | None, after: str | None) -> list[dict[str, Any]]:
    """Return the fields that a change touched, as they were and became."""
    one, other = json.loads(before or "{}"), json.loads(after or "{}")
    names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
    return [{"name": name, "before": _said(one.get(name)), "after": _said(other.get(name))} for name in names]


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(entry) for entry in value)
    return "–" if value is None else str(value)
