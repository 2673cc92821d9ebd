"""Small shops of every shape: the same dozen things, kept as each shop keeps them."""

from decimal import Decimal
from importlib import import_module

from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sites.models import Site
from django.test import RequestFactory
from django.utils import timezone

from tests.django.shops.bilingual import models as bilingual
from tests.django.shops.boutique import models as boutique
from tests.django.shops.catalog import models as catalog
from tests.django.shops.channels import models as channels
from tests.django.shops.core import models as core
from tests.django.shops.keys import models as keys
from tests.django.shops.media import models as media
from tests.django.shops.variants import models as variants

DRESSES = [f"Linen summer dress {letter}" for letter in "ABCDE"]
MUGS = [f"Ceramic coffee mug {letter}" for letter in "ABCDE"]
GERMAN = {"Linen summer dress": "Leinenkleid für den Sommer", "Ceramic coffee mug": "Kaffeetasse aus Keramik"}


def in_german(title):
    return f"{GERMAN[title[:-2]]}{title[-2:]}"


class Shape:
    """One shop.

    ``make`` fills it and returns what rows may show, dresses before mugs; ``buy`` places an order that counts, ``leave`` one that
    does not; ``hide`` takes one thing off the shelf.
    """

    name = ""
    app = ""
    host = "testserver"

    @property
    def settings(self):
        return import_module(f"examples.configurations.{self.name}").RECO

    def request(self):
        return RequestFactory(headers={"host": self.host}).get("/")

    def leave(self, things):
        """Most of these shops know no other orders."""

    def user(self):
        return User.objects.get_or_create(username="shopper")[0]


class UuidKeys(Shape):
    name, app = "uuid_keys", "catalog"

    def make(self):
        made = []
        for place, title in enumerate(DRESSES + MUGS):
            category, _ = catalog.Category.objects.get_or_create(name=title[:-2])
            product = catalog.Product.objects.create(name=title, slug=f"p-{place}", category=category)
            for size in range(2):
                catalog.ProductVariant.objects.create(
                    product=product, sku=f"{place}-{size}", price=Decimal(10 + place + size), stock=2 * size
                )
            made.append(product)
        return made

    def order(self, things, status):
        order = catalog.Order.objects.create(customer=self.user(), status=status)
        for product in things:
            variant = product.variants.get(sku__endswith="-1")
            catalog.OrderItem.objects.create(order=order, variant=variant, quantity=2, unit_price=variant.price)

    def buy(self, things):
        self.order(things, "paid")

    def leave(self, things):
        self.order(things, "pending")

    def hide(self, product):
        product.variants.get(sku__endswith="-1").delete()  # the other one is sold out


class Variants(Shape):
    name = app = "variants"

    def make(self):
        made = []
        for place, title in enumerate(DRESSES + MUGS):
            parent = variants.Item.objects.create(name=title, details=title)
            parent.departments.add(variants.Department.objects.get_or_create(name=title[:-2])[0])
            variants.Stock.objects.create(item=parent, price=Decimal(10 + place), pieces=2)
            variants.Item.objects.create(name=f"{title}, small", parent=parent)
            made.append(parent)
        return made

    def order(self, things, *, ordered):
        lines = [variants.PurchaseItem.objects.create(item=thing.children.get(), ordered=ordered) for thing in things]
        variants.Purchase.objects.create(user=self.user(), ordered_date=timezone.now()).lines.set(lines)

    def buy(self, things):
        self.order(things, ordered=True)

    def leave(self, things):
        self.order(things, ordered=False)

    def hide(self, product):
        product.is_public = False
        product.save()


class GenericOrderLines(Shape):
    name, app = "generic_order_lines", "keys"
    number = 0

    def make(self):
        dresses = [keys.Phone.objects.create(name=title, price=Decimal(10)) for title in DRESSES]
        return dresses + [keys.Cover.objects.create(code=f"c-{n}", name=title, price=Decimal(5)) for n, title in enumerate(MUGS)]

    def buy(self, things):
        self.number += 1
        for thing in [*things, self.user()]:  # a line of what is no item
            kind = ContentType.objects.get_for_model(thing)
            keys.Bought.objects.create(number=f"n{self.number}", product_content_type=kind, product_id=str(thing.pk))

    def hide(self, product):
        product.delete()


class Headless(GenericOrderLines):
    name = "headless"


class TwoModels(Shape):
    name, app = "two_models", "media"

    def make(self):
        books = [media.Book.objects.create(title=title, description=title, price=Decimal(10)) for title in DRESSES]
        return books + [media.Album.objects.create(name=title, description=title, price=Decimal(5)) for title in MUGS]

    def order(self, things, *, paid):
        order = media.Order.objects.create(user=self.user(), paid=paid)
        for thing in things:
            if isinstance(thing, media.Book):
                media.BookLine.objects.create(order=order, book=thing)
            else:
                media.AlbumLine.objects.create(order=order, album=thing)

    def buy(self, things):
        self.order(things, paid=True)

    def leave(self, things):
        self.order(things, paid=False)

    def hide(self, product):
        if isinstance(product, media.Book):
            product.is_active = False
        else:
            product.in_stock = False
        product.save()


class ReverseManyToMany(Shape):
    name, app = "reverse_many_to_many", "core"

    def make(self):
        return [
            core.Item.objects.create(
                title=title, description=title, slug=f"i-{n}", price=20.0, discount_price=15.0 if n % 2 else None,
                category="S" if n < 5 else "OW", label="P",
            )
            for n, title in enumerate(DRESSES + MUGS)
        ]  # fmt: skip

    def order(self, things, *, ordered):
        user = self.user()
        lines = [core.OrderItem.objects.create(user=user, item=thing, ordered=ordered) for thing in things]
        core.Order.objects.create(user=user, ordered=ordered).items.set(lines)

    def buy(self, things):
        self.order(things, ordered=True)

    def leave(self, things):
        self.order(things, ordered=False)

    def hide(self, product):
        product.delete()


def translate(obj, title, **fields):
    """Give an object of django-parler's its two languages."""
    for language, text in (("en", title), ("de", in_german(title))):
        obj.set_current_language(language)
        obj.name = text
        for name, value in fields.items():
            setattr(obj, name, f"{value}-{language}" if name == "slug" else text)
    obj.save()
    obj.set_current_language("en")
    return obj


class TranslatedNames(Shape):
    name, app = "translated_names", "bilingual"

    def make(self):
        categories = [translate(bilingual.Category(), titles[0], slug=f"c{n}") for n, titles in enumerate((DRESSES, MUGS))]
        return [
            translate(
                bilingual.Product(price=Decimal(10 + n), category=categories[n // 5]), title, slug=f"p{n}", description=title
            )
            for n, title in enumerate(DRESSES + MUGS)
        ]

    def order(self, things, *, paid):
        order = bilingual.Order.objects.create(user=self.user(), paid=paid)
        for product in things:
            bilingual.OrderItem.objects.create(order=order, product=product, price=product.price)

    def buy(self, things):
        self.order(things, paid=True)

    def leave(self, things):
        self.order(things, paid=False)

    def hide(self, product):
        product.available = False
        product.save()


class Channels(Shape):
    name = app = "channels"

    def request(self):
        return RequestFactory().get("/", {"channel": "eu"})

    def make(self):
        both = [
            channels.Channel.objects.create(name=slug, slug=slug, currency_code=c) for slug, c in (("eu", "EUR"), ("us", "USD"))
        ]
        made = []
        for place, title in enumerate([*DRESSES, *MUGS, "Linen summer dress for the US"]):
            product = channels.Product.objects.create(name=title, slug=f"p-{place}", description_plaintext=title)
            channels.ProductVariant.objects.create(product=product, sku=f"s{place}")
            for channel in both:
                channels.ProductChannelListing.objects.create(
                    product=product, channel=channel, currency=channel.currency_code,
                    discounted_price_amount=Decimal(10 + place + 100 * (channel.slug == "us")),
                    is_published=channel.slug == "us" or place < 10,
                )  # fmt: skip
            made.append(product)
        return made[:10]

    def buy(self, things):
        order = channels.Order.objects.create(channel=channels.Channel.objects.get(slug="eu"), user=self.user())
        for product in things:
            channels.OrderLine.objects.create(
                order=order, variant=product.variants.get(), product_name=product.name, unit_price_gross_amount=Decimal(10)
            )

    def hide(self, product):
        listing = product.channel_listings.get(channel__slug="eu")
        listing.is_published = False
        listing.save()


class MultiSite(Shape):
    name, app = "multi_site", "boutique"
    host = "eu.example.com"

    def make(self):
        sites = [Site.objects.create(domain=f"{name}.example.com", name=name) for name in ("eu", "us")]
        categories = [translate(boutique.Category(), titles[0]) for titles in (DRESSES, MUGS)]
        made = []
        for place, title in enumerate([*DRESSES, *MUGS, "Linen summer dress F"]):
            product = boutique.Product(price=Decimal(10 + place), category=categories[5 <= place < 10])
            translate(product, title, description=title)
            for site in sites if place < 10 else sites[1:]:
                us = site.name == "us"
                boutique.Offer.objects.create(
                    product=product, site=site, price=Decimal(10 + place + 100 * us), currency="USD" if us else "EUR"
                )
            made.append(product)
        return made[:10]

    def buy(self, things):
        order = boutique.Order.objects.create(site=Site.objects.get(name="eu"), user=self.user())
        for product in things:
            boutique.OrderLine.objects.create(order=order, product=product)

    def hide(self, product):
        offer = product.offers.get(site__name="eu")
        offer.stock = 0
        offer.save()


SHAPES = [
    UuidKeys, Variants, GenericOrderLines, TwoModels, ReverseManyToMany, TranslatedNames, Channels, MultiSite, Headless,
]  # fmt: skip
