"""How the admin calls products and rules; no table changes."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("django_reco", "0003_rules")]

    operations = [
        migrations.AlterModelOptions(
            name="rule",
            options={"managed": False, "verbose_name": "rule", "verbose_name_plural": "rules"},
        ),
        migrations.AlterModelOptions(
            name="storeditem",
            options={"managed": False, "verbose_name": "product", "verbose_name_plural": "products"},
        ),
    ]
