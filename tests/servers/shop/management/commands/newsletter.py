from django.core.management import BaseCommand

import django_reco as reco
from tests.django.shops.plain.models import Product


class Command(BaseCommand):
    help = "Print what a letter would recommend beside a product."

    def add_arguments(self, parser):
        parser.add_argument("product", type=int)

    def handle(self, *, product, **options):
        seed = Product.objects.get(pk=product)
        for found in reco.recommend(None, "similar_items", seeds=[seed], n=3, placement="email"):
            self.stdout.write(found.title)
