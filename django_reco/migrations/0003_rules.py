"""Merchandising rules and their history: the SQL file of the same name."""

from django.db import migrations, models

from django_reco.migrations._files import run_file


class Migration(migrations.Migration):
    dependencies = [("django_reco", "0002_counter_lease")]

    operations = [
        migrations.CreateModel(
            name="Rule",
            fields=[
                ("rule_id", models.TextField(primary_key=True, serialize=False)),
                ("version", models.BigIntegerField()),
                ("action", models.TextField()),
                ("enabled", models.BooleanField()),
                ("priority", models.BigIntegerField()),
                ("note", models.TextField()),
                ("data", models.TextField()),
                ("updated_at", models.BigIntegerField()),
                ("updated_by", models.TextField()),
            ],
            options={
                "db_table": "reco_rule",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="RuleHistory",
            fields=[
                ("version", models.BigIntegerField(primary_key=True, serialize=False)),
                ("rule_id", models.TextField()),
                ("changed_at", models.BigIntegerField()),
                ("changed_by", models.TextField()),
                ("before", models.TextField(null=True)),
                ("after", models.TextField(null=True)),
            ],
            options={
                "verbose_name_plural": "rule history",
                "db_table": "reco_rule_history",
                "managed": False,
            },
        ),
        run_file("0003_rules"),
    ]
