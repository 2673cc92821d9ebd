from django.apps import AppConfig


class BilingualConfig(AppConfig):
    name = "tests.django.shops.bilingual"
    label = "bilingual"
    default_auto_field = "django.db.models.BigAutoField"
