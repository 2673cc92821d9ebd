"""Leases and counters: the SQL file ``0002_lease``. Quantities and places may be as large as an interaction's."""

from django.db import migrations, models

from django_reco.migrations._files import run_file


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
        migrations.AlterField("interaction", "quantity", models.BigIntegerField(default=1)),
        migrations.AlterField("interaction", "position", models.BigIntegerField(null=True)),
        run_file("0002_lease"),
    ]
