from django.apps import AppConfig


class VariantsConfig(AppConfig):
    name = "tests.django.shops.variants"
    label = "variants"
    default_auto_field = "django.db.models.BigAutoField"
