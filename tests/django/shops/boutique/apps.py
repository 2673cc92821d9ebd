from django.apps import AppConfig


class BoutiqueConfig(AppConfig):
    name = "tests.django.shops.boutique"
    label = "boutique"
    default_auto_field = "django.db.models.BigAutoField"
