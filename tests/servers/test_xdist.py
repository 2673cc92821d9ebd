"""A shop's own tests, several at once."""

import os
import subprocess

from tests.servers.databases import ROOT
from tests.servers.documented import commands, runnable

SUITE = """
import os

import pytest
from django.test import Client

import django_reco as reco
from tests.django.conftest import BROWSER, make_products
from tests.django.shops.plain.models import Product


@pytest.mark.parametrize("number", range(8))
def test_page(number, db):
    products = make_products()
    Product.objects.create(title=f"Only of test {number}", slug="only", price=1)
    shown = {product.title for product in reco.recommend(None, "new_arrivals", n=100)}
    assert len(shown) == 13 and f"Only of test {number}" in shown
    client = Client(headers={"user-agent": BROWSER})
    client.cookies["consent"] = "yes"
    assert "reco-card" in client.get(f"/p/{products[0].pk}/").content.decode()
    assert "Recently viewed" in client.get("/").content.decode()


def test_told():
    assert os.environ["PYTEST_XDIST_WORKER"] in {"gw0", "gw1"}
"""


def test_pytest_xdist(tmp_path):
    (tmp_path / "test_shop.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "tests.django.settings"}
    done = subprocess.run(
        runnable(*commands("pytest"), "-q", "-p", "no:cacheprovider", str(tmp_path)),
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "9 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0
