"""The first tables: the SQL file of the same name.

On SQLite and PostgreSQL all tables are made in the database of the shop. On any other database only the dirty marks are,
since they belong to the shop's own transactions; the rest lives in the store's own file (see ``STORE``).
"""

from typing import Any

from django.db import migrations, models

from django_reco.migrations._files import DIALECTS, run_file

DIRTY = "reco_dirty"


def make_dirty_marks(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    if connection.vendor not in DIALECTS and DIRTY not in connection.introspection.table_names():
        schema_editor.create_model(apps.get_model("django_reco", "DirtyMark"))


def keep_tables(apps: Any, schema_editor: Any) -> None:
    """Forward only: what was recorded is not thrown away by migrating back."""


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Alias",
            fields=[
                ("visitor_id", models.TextField(primary_key=True, serialize=False)),
                ("user_id", models.TextField()),
                ("updated_at", models.BigIntegerField()),
            ],
            options={
                "verbose_name_plural": "aliases",
                "db_table": "reco_alias",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="DirtyMark",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("item_id", models.TextField()),
                ("marked_at", models.BigIntegerField(help_text="microseconds since 1970-01-01 UTC")),
            ],
            options={
                "db_table": "reco_dirty",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Impression",
            fields=[
                ("slate_id", models.TextField(primary_key=True, serialize=False)),
                ("at", models.BigIntegerField()),
                ("placement", models.TextField()),
                ("strategy", models.TextField()),
                ("tier", models.TextField()),
                ("item_ids", models.TextField()),
                ("visitor_id", models.TextField(null=True)),
                ("user_id", models.TextField(null=True)),
            ],
            options={
                "db_table": "reco_impression",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Interaction",
            fields=[
                ("sequence", models.BigAutoField(primary_key=True, serialize=False)),
                ("event_id", models.TextField(unique=True)),
                ("kind", models.TextField()),
                ("item_id", models.TextField(null=True)),
                ("visitor_id", models.TextField(null=True)),
                ("user_id", models.TextField(null=True)),
                ("session_id", models.TextField(null=True)),
                ("at", models.BigIntegerField()),
                ("quantity", models.IntegerField(default=1)),
                ("value", models.FloatField(null=True)),
                ("currency", models.TextField(null=True)),
                ("query", models.TextField(null=True)),
                ("placement", models.TextField(null=True)),
                ("slate_id", models.TextField(null=True)),
                ("position", models.IntegerField(null=True)),
            ],
            options={
                "db_table": "reco_interaction",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="State",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("value", models.TextField()),
                ("updated_at", models.BigIntegerField()),
            ],
            options={
                "db_table": "reco_state",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="StoredItem",
            fields=[
                ("item_id", models.TextField(primary_key=True, serialize=False)),
                ("version", models.BigIntegerField()),
                ("content_hash", models.TextField()),
                ("data", models.TextField()),
                ("deleted", models.BooleanField(default=False)),
                ("updated_at", models.BigIntegerField()),
            ],
            options={
                "db_table": "reco_item",
                "managed": False,
            },
        ),
        run_file("0001_initial"),
        migrations.RunPython(make_dirty_marks, keep_tables),
    ]
