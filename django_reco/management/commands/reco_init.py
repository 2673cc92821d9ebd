"""``manage.py reco_init``: looks at the installed models and prints a block for the settings, with its reasons."""

# ruff: noqa: SLF001  Model._meta and Model._default_manager are Django's documented API

from __future__ import annotations

import pprint
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from django_reco.inspecting import Proposal, Sold, propose
from django_reco.presets import installed_preset

if TYPE_CHECKING:
    from argparse import ArgumentParser

__all__ = ["Command"]


class Command(BaseCommand):
    """Propose ``settings.RECO`` for the shop that is installed; change nothing."""

    help = "Looks at the installed models and prints a RECO block to paste, saying why, and what else could be meant."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("model", nargs="?", help="the product model, 'app_label.Model', where several could be meant")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run it."""
        preset = "" if options["model"] else installed_preset()
        if preset:
            self.stdout.write(self.style.MIGRATE_HEADING(f"# django-{preset} is installed, whose settings are known"))
            self.stdout.write(f'RECO = {{"PRESET": "{preset}"}}')
            return
        try:
            found = propose(options["model"])
        except (LookupError, ValueError) as error:
            raise CommandError(f"there is no model {options['model']!r}: {error}") from error
        if not found.sold:
            self._ambiguous(found)
            return
        self.stdout.write(self.style.MIGRATE_HEADING("# What was found"))
        self._reasons(found)
        self.stdout.write("")
        self.stdout.write(self.style.MIGRATE_HEADING("# Paste into the settings, and look it over"))
        for function in found.functions:
            self.stdout.write(f"{function}\n")
        self.stdout.write(f"RECO = {pprint.pformat(found.settings, sort_dicts=False, width=100)}")
        self.stdout.write("")
        self.stdout.write(
            "# Then: manage.py migrate · manage.py reco_sync · manage.py reco_doctor, and in the product page's template:"
        )
        self.stdout.write("# {% load reco %} … {% you_may_also_like product %}")

    def _reasons(self, found: Proposal) -> None:
        chosen = [one.candidate.model for one in found.sold]
        for one in found.sold:
            self.stdout.write(f"# ITEMS {one.candidate.model._meta.label}: {'; '.join(one.candidate.reasons)}")
            self._fields(one)
        for candidate in found.items[:6]:
            if candidate.model not in chosen:
                self.stdout.write(f"#   not {candidate.model._meta.label} ({'; '.join(candidate.reasons[:3])})")
        for line in found.lines:
            self.stdout.write(f"# ORDERS {line.model._meta.label}: {line.reason}")
            if "where" not in line.settings:
                self.stdout.write("#   every line counts; if an order can be open or cancelled, add 'where'")
        if not found.lines and found.orders:
            self.stdout.write(
                self.style.WARNING("# ORDERS: several models could be the order lines; choose one and write it yourself:")
            )
        elif not found.lines:
            self.stdout.write(self.style.WARNING("# ORDERS: no model looks like order lines of it"))
        for line in found.orders:
            if line.model not in [one.model for one in found.lines]:
                self.stdout.write(f"#   {'not ' if found.lines else ''}{dict(line.settings)}  ({line.reason})")

    def _fields(self, one: Sold) -> None:
        for name, choice in one.guesses.items():
            others = f"  (also possible: {', '.join(choice.others)})" if choice.others else ""
            self.stdout.write(f"#   {name:<12} {choice.path:<20} {choice.reason}{others}")
        if one.queryset:
            self.stdout.write(f"#   {'queryset':<12} {one.queryset:<20} by its name, what shoppers may see")
        if one.canonical:
            self.stdout.write(f"#   canonical    {one.canonical:<20} variants are recommended as their parent")
        if one.translated:
            self.stdout.write("#   languages    get_available_languages  rows show what is translated into the page's language")
        for beside, what in ((one.table, "price or stock"), (one.listing, "what each site or channel sells, and for how much")):
            if beside is not None:
                self.stdout.write(f"#   {beside.accessor} ({beside.model._meta.label}): {what}")

    def _ambiguous(self, found: Proposal) -> None:
        if not found.items:
            raise CommandError("no installed model looks like what a shop sells; name it: manage.py reco_init app_label.Model")
        self.stdout.write(self.style.WARNING("Several models could be what the shop sells, and none stands out:"))
        for candidate in found.items:
            self.stdout.write(f"  {candidate.model._meta.label:<28} {'; '.join(candidate.reasons)}")
        self.stdout.write("Name one: manage.py reco_init app_label.Model (or list several under ITEMS)")
