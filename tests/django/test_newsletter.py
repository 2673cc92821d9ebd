import csv
import io

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command


def told(**options):
    out = io.StringIO()
    call_command("reco_newsletter", stdout=out, no_progress=True, **options)
    return out.getvalue()


def test_dry_run_counts_active_accounts(products, tmp_path):
    User.objects.create(username="anna")
    User.objects.create(username="bo", is_active=False)
    assert told(out=tmp_path / "rows.csv", dry_run=True) == "1 accounts; nothing was written\n"
    assert list(tmp_path.iterdir()) == []


def test_another_kind_of_file_is_refused(products, tmp_path, settings):
    settings.RECO = {**settings.RECO, "BASE_URL": "https://shop.example"}
    with pytest.raises(CommandError, match="csv"):
        told(out=tmp_path / "rows.xlsx")


def test_every_active_account_has_lines_or_is_counted_as_empty(products, tmp_path, settings):
    settings.RECO = {**settings.RECO, "BASE_URL": "https://shop.example"}
    User.objects.create(username="anna")
    path = tmp_path / "rows.csv"
    assert told(out=path, n=3).startswith("1 accounts, ")
    with path.open(newline="") as source:
        assert all(line["url"].startswith("https://shop.example/") for line in csv.DictReader(source))
