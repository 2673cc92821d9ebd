"""``manage.py load_books``: the sandbox's books with their covers, and some made-up orders."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from oscar.core.loading import get_model

from bookshop import books, orders

Country = get_model("address", "Country")


class Command(BaseCommand):
    help = "Load books, covers, stock, and made-up orders. Doing it twice changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--limit", type=int, help="so many books of each file at most")
        parser.add_argument("--no-covers", action="store_true", help="leave the pictures out")

    def handle(self, *_args: Any, **options: Any) -> None:
        if books.Product.objects.exists():
            self.stdout.write(f"Already loaded: {books.Product.objects.count()} products.")
            return
        with transaction.atomic():
            count, lines = self._load(options["limit"], covers=not options["no_covers"])
        call_command("rebuild_index", interactive=False, verbosity=0)  # oscar's own search, which its categories ask too
        self.stdout.write(self.style.SUCCESS(f"Loaded {count} products that can be bought, {lines} lines of made-up orders."))

    @staticmethod
    def _load(limit: int | None, *, covers: bool) -> tuple[int, int]:
        Country.objects.create(
            iso_3166_1_a2="GB", iso_3166_1_a3="GBR", iso_3166_1_numeric="826", printable_name="United Kingdom",
            name="United Kingdom of Great Britain and Northern Ireland", is_shipping_country=True,
        )  # fmt: skip
        get_user_model().objects.create_superuser("staff", "staff@example.org", "staff")
        return books.load(limit, covers=covers), orders.load()
