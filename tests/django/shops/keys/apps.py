from django.apps import AppConfig


class KeysConfig(AppConfig):
    name = "tests.django.shops.keys"
    label = "keys"
    default_auto_field = "django.db.models.BigAutoField"
