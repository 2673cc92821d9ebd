"""``reco_init`` knows the shop by its name."""

import io

import pytest
from django.core.management import call_command


@pytest.mark.django_db
def test_it_proposes_the_preset():
    out = io.StringIO()
    call_command("reco_init", stdout=out, no_color=True)
    assert 'RECO = {"PRESET": "oscar"}' in out.getvalue()
    asked = io.StringIO()
    call_command("reco_init", "catalogue.Product", stdout=asked, no_color=True)
    assert "'model': 'catalogue.Product'" in asked.getvalue()
