"""``manage.py load_shop``: the catalogue and ten months of orders into the shop's database."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from shop.loading import catalogue, orders
from shop.loading.progress import Progress
from shop.models import Category, Order, OrderLine, Product


class Command(BaseCommand):
    help = "Load the catalogue and its orders. Doing it twice changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--keep-dates",
            action="store_true",
            help="leave the orders in 2011; without it all dates move so that the last order was yesterday",
        )
        parser.add_argument(
            "--replace", action="store_true", help="bring the catalogue in line with the files and load the orders again"
        )
        parser.add_argument("--products-only", action="store_true", help="the catalogue without its orders")

    def handle(self, *_args: Any, **options: Any) -> None:
        with transaction.atomic():
            if options["replace"]:
                OrderLine.objects.all().delete()
                Order.objects.all().delete()
            elif Product.objects.exists():
                self.stdout.write(f"Already loaded: {Product.objects.count():,} products. --replace loads them again.")
                return
            shift = orders.days_to_yesterday(keep=options["keep_dates"])
            stock_codes = catalogue.load(shift, Progress(self.stderr, "products"))
            if not options["products_only"]:
                orders.load(stock_codes, shift, Progress(self.stderr, "order lines"))
        self.stdout.write(
            self.style.SUCCESS(
                f"Loaded {Category.objects.count()} categories, {Product.objects.count():,} products, "
                f"{Order.objects.count():,} orders, {OrderLine.objects.count():,} order lines."
            )
        )
