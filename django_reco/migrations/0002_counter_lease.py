"""Leases and counters: the SQL file ``0002_lease``, through the same ledger as ``reco migrate``."""

from typing import Any

from django.db import migrations, models

from reco_sdk.storage.schema import apply_one


def make_tables(_apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            apply_one(cursor, "0002_lease", dialect="sqlite", placeholder="%s")


def keep_tables(apps: Any, schema_editor: Any) -> None:
    """Forward only: what was recorded is not thrown away by migrating back."""


class Migration(migrations.Migration):
    dependencies = [("django_reco", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Counter",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("value", models.BigIntegerField()),
            ],
            options={
                "db_table": "reco_counter",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Lease",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("holder", models.TextField()),
                ("epoch", models.BigIntegerField()),
                ("renewed_at", models.BigIntegerField()),
                ("expires_at", models.BigIntegerField()),
            ],
            options={
                "db_table": "reco_lease",
                "managed": False,
            },
        ),
        migrations.RunPython(make_tables, keep_tables),
    ]
