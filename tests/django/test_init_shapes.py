"""``reco_init`` finds each shape of shop: what it prints runs as it is, and is what ``examples/configurations`` says."""

import io
import sys
import types

import pytest
from django.core.management import call_command

import django_reco as reco
from django_reco.inspecting import propose
from tests.django.shapes import DRESSES, SHAPES, GenericOrderLines, UuidKeys

pytestmark = pytest.mark.django_db
OTHERS = ("plain", "variants", "keys", "bilingual", "boutique", "catalog", "channels", "core", "media")
# What no model says.
UNKNOWN = {UuidKeys.name: lambda block: block["ORDERS"].pop("where")}


@pytest.fixture(params=[shape for shape in SHAPES if shape.name != "headless"], ids=lambda shape: shape.name)
def shape(request, settings):
    made = request.param()
    settings.ROOT_URLCONF = "tests.django.shop_urls"
    settings.INSTALLED_APPS = [
        app for app in settings.INSTALLED_APPS if app.rpartition(".")[2] not in OTHERS or app.rpartition(".")[2] == made.app
    ]
    return made


@pytest.fixture
def pasted(shape, monkeypatch):
    """The printed block, as a module of its own."""
    out = io.StringIO()
    if isinstance(shape, GenericOrderLines):
        shape.things = shape.make()
        shape.buy([shape.things[0], shape.things[5]])  # what generic lines name is seen from them only
    call_command("reco_init", stdout=out, no_color=True)
    module = types.ModuleType("pasted_settings")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(out.getvalue(), module.__dict__)  # noqa: S102  what a shop would paste
    module.said = out.getvalue()
    return module


def plain(value, module):
    if isinstance(value, dict):
        return {key: plain(entry, module) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry, module) for entry in value]
    return value.replace(module, "settings") if isinstance(value, str) else value


def test_it_is_the_committed_configuration(shape, pasted):
    committed = plain(shape.settings, f"examples.configurations.{shape.name}")
    UNKNOWN.get(shape.name, lambda block: block)(committed)
    assert plain(pasted.RECO, pasted.__name__) == committed


def test_it_runs_as_it_is(shape, pasted, settings):
    settings.RECO = {**pasted.RECO, "MODE": "inline"}
    call_command("check", "--tag", "reco", "--fail-level", "WARNING")
    things = getattr(shape, "things", None) or shape.make()
    for _ in range(3):
        shape.buy([things[0], things[9]])
    request = shape.request()
    assert sorted(map(str, reco.recommend(request, "similar_items", seeds=[things[0]], n=4))) == DRESSES[1:]
    assert reco.recommend(request, "bought_together", seeds=[things[0]], n=1)[0] == things[9]


def test_reasons_are_given(shape, pasted):
    for one in propose().sold:
        assert f"# ITEMS {one.candidate.model._meta.label}: " in pasted.said
    assert "# ORDERS " in pasted.said
