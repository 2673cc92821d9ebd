"""The form of a rule: its fields as a merchant fills them in, checked as the recommender reads them."""

# ruff: noqa: D106  Django's Meta

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import ValidationError
from django.utils.functional import lazystr
from django.utils.html import format_html
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_reco.models import Rule
from django_reco.registry import adapters
from django_reco.rules import rule_of
from django_reco.segments import NAMES, known_names
from reco_sdk.errors import InvalidExpression, InvalidRule
from reco_sdk.placements import DEFAULTS
from reco_sdk.ranking.expressions import parse_expression
from reco_sdk.ranking.rules import Rule as RuleValue
from reco_sdk.rulebook import check_names
from reco_sdk.strategies import STRATEGIES

__all__ = ["ACTIONS", "LISTS", "RuleForm", "full_id"]

ACTIONS: Final = {
    "pin": gettext_lazy("Pin to a place"),
    "boost": gettext_lazy("Boost"),
    "bury": gettext_lazy("Bury"),
    "hide": gettext_lazy("Hide"),
    "replace": gettext_lazy("Replace the row"),
}
LISTS: Final = ("items", "categories", "brands", "in_categories", "sites", "languages")
_CHOICES: Final = ("placements", "strategies", "segments")
_PLAIN: Final = ("action", "where", "slot", "factor", "strategy", "starts_at", "ends_at", "priority", "note", "enabled")


class _Lines(forms.CharField):
    """Texts, one on each line."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 60, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else "\n".join(value)

    def to_python(self, value: Any) -> Any:
        return tuple(line.strip() for line in str(value or "").splitlines() if line.strip())

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(self.prepare_value(initial)) != self.to_python(data))


def full_id(text: str) -> str:
    """Return the item id of what somebody wrote: an item id, or the primary key where one model is sold."""
    text = text.strip()
    known = adapters()
    if ":" in text or len(known) != 1:
        return text
    return f"{next(iter(known))}:{text}"


_ROWS: Final = [(name, name) for name in sorted(STRATEGIES)]


def _segments() -> list[tuple[str, Any]]:
    return [(name, NAMES.get(name, name)) for name in known_names()]


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """One rule. :attr:`rule` is what the fields say, once they are valid."""

    rule: RuleValue

    rule_id = forms.CharField(
        label=gettext_lazy("Name"),
        required=False,
        max_length=64,
        help_text=gettext_lazy("Letters, digits, - and _. Left empty, it is made of the note."),
    )
    note = forms.CharField(label=gettext_lazy("Note"), required=False, widget=forms.TextInput(attrs={"class": "vTextField"}))
    enabled = forms.BooleanField(label=gettext_lazy("Enabled"), required=False, initial=True)
    action = forms.ChoiceField(label=gettext_lazy("What it does"), choices=list(ACTIONS.items()))
    slot = forms.IntegerField(
        label=gettext_lazy("Place"), required=False, min_value=1, help_text=gettext_lazy("Of a pin: 1 is the first in the row.")
    )
    factor = forms.FloatField(
        label=gettext_lazy("Factor"),
        required=False,
        help_text=gettext_lazy("Of a boost, above 1: 2 doubles scores. Of a bury, below 1: 0.5 halves them."),
    )
    strategy = forms.ChoiceField(
        label=gettext_lazy("Row instead"),
        required=False,
        choices=[("", "—"), *_ROWS],
        help_text=gettext_lazy("Of a replacement: the row that answers. Without one, the row is the products below."),
    )
    items = _Lines(label=gettext_lazy("Products"), required=False, help_text=gettext_lazy("Ids, one on each line."))
    categories = _Lines(
        label=gettext_lazy("Categories"),
        required=False,
        help_text=gettext_lazy("Paths such as Women > Dresses, one on each line; what lies under them too."),
    )
    brands = _Lines(label=gettext_lazy("Brands"), required=False, help_text=gettext_lazy("One on each line."))
    where = forms.CharField(
        label=gettext_lazy("Expression"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60, "spellcheck": "false"}),
        help_text=lazystr('brand == seed.brand and price < 50, category under "Women", tag in ["sample"]'),
    )
    placements = forms.MultipleChoiceField(
        label=gettext_lazy("Placements"),
        required=False,
        choices=[(name, name) for name in DEFAULTS],
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None chosen: everywhere."),
    )
    strategies = forms.MultipleChoiceField(
        label=gettext_lazy("Rows"), required=False, choices=_ROWS, widget=forms.CheckboxSelectMultiple
    )
    in_categories = _Lines(label=gettext_lazy("On pages of categories"), required=False)
    sites = _Lines(label=gettext_lazy("Sites"), required=False)
    languages = _Lines(label=gettext_lazy("Languages"), required=False)
    segments = forms.MultipleChoiceField(
        label=gettext_lazy("Segments"),
        required=False,
        choices=_segments,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Shoppers in one of them. None chosen: everybody."),
    )
    starts_at = forms.SplitDateTimeField(label=gettext_lazy("From"), required=False, widget=AdminSplitDateTime)
    ends_at = forms.SplitDateTimeField(label=gettext_lazy("Until"), required=False, widget=AdminSplitDateTime)
    priority = forms.IntegerField(
        label=gettext_lazy("Priority"), required=False, initial=0, help_text=gettext_lazy("The greater goes first.")
    )

    class Meta:
        model = Rule
        fields: ClassVar[list[str]] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        instance = kwargs.get("instance")
        known = isinstance(instance, Rule) and bool(instance.pk)
        values = _values(instance) if isinstance(instance, Rule) and known else {}
        super().__init__(*args, **{**kwargs, "initial": {**values, **(kwargs.get("initial") or {})}})
        if known:
            self.fields["rule_id"].disabled = True
        # A rule may name a segment that the settings do not have any more, or that comes with requests to the API.
        chosen: Any = self.fields["segments"]
        chosen.choices = [*_segments(), *((name, name) for name in values.get("segments", ()) if name not in known_names())]
        for name in ("starts_at", "ends_at"):
            field: Any = self.fields[name]
            for part, said in zip(field.widget.widgets, (_("date"), _("time")), strict=True):
                part.attrs["aria-label"] = f"{field.label}: {said}"

    def clean_items(self) -> tuple[str, ...]:
        """Write ids out in full."""
        return tuple(full_id(text) for text in self.cleaned_data["items"])

    def clean_where(self) -> str:
        """Check the expression, and show where it is wrong."""
        text: str = self.cleaned_data["where"]
        if text:
            try:
                parse_expression(text)
            except InvalidExpression as error:
                at = error.position
                shown = format_html("<code>{}<mark>{}</mark>{}</code>", text[:at], text[at : at + 1] or "▮", text[at + 1 :])
                raise ValidationError([error.reason, shown]) from None
        return text

    def _post_clean(self) -> None:
        """Make the rule of the fields; what it refuses is an error of the field that it names."""
        if self.errors:
            return
        given = self.cleaned_data
        new = not self.instance.pk
        rule_id = (given["rule_id"] or _free_id(given)) if new else self.instance.pk
        if new and Rule.objects.filter(rule_id=rule_id).exists():
            self.add_error("rule_id", _("There is a rule of this name already."))
            return
        fields = {name: given[name] for name in (*_PLAIN, *LISTS, *_CHOICES) if given.get(name) not in (None, "", [], ())}
        try:
            self.rule = RuleValue(id=rule_id, **{**fields, "enabled": given["enabled"]})
            check_names(self.rule)
        except InvalidRule as error:
            name = "rule_id" if error.field == "id" else error.field
            self.add_error(name if name in self.fields else None, error.reason)
            return
        stored = self.rule.stored()
        self.instance.rule_id, self.instance.data, self.instance.note = rule_id, stored.data, stored.note
        self.instance.action, self.instance.enabled, self.instance.priority = stored.action, stored.enabled, stored.priority


def _values(row: Rule) -> dict[str, Any]:
    """Return what the fields show of a stored rule; of one that cannot be read, its columns."""
    columns = {"rule_id": row.rule_id, "action": row.action, "note": row.note, "enabled": row.enabled, "priority": row.priority}
    try:
        rule = rule_of(row)
    except InvalidRule:
        return columns
    return {**{name: getattr(rule, name) for name in (*_PLAIN, *LISTS, *_CHOICES)}, "rule_id": rule.id}


def _free_id(given: Mapping[str, Any]) -> str:
    """Return an id that no rule has, made of the note."""
    base = slugify(given["note"])[:50].strip("-_") or given["action"]
    taken = set(Rule.objects.filter(rule_id__startswith=base).values_list("rule_id", flat=True))
    return next(name for name in _numbered(base) if name not in taken)


def _numbered(base: str) -> Iterable[str]:
    yield base
    number = 2
    while True:
        yield f"{base}-{number}"
        number += 1
