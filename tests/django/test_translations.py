"""Every marked string is translated, with the placeholders of the original, and compiled as it stands."""

import ast
import pickle
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import translation

import django_reco as reco
from django_reco import wording
from django_reco.rendering import _HEADINGS, heading
from reco_sdk.explaining.words import reason_text
from reco_sdk.messages import said
from reco_sdk.ranking.slate import RecommendedItem
from reco_sdk.sources.context import Reason
from scripts.translations import LANGUAGES, PLACEHOLDER, Messages, catalogues, marked

SOURCES = Path(__file__).resolve().parents[2] / "reco_sdk" / "sources"


@pytest.mark.parametrize("messages", catalogues(), ids=lambda messages: messages.language)
def test_every_marked_string_has_a_translation(messages):
    wanted = marked()
    assert len(wanted) > 30
    assert messages.missing(wanted) == []
    assert set(messages.entries) == wanted  # and none that nobody shows any more


@pytest.mark.parametrize("messages", catalogues(), ids=lambda messages: messages.language)
def test_compiled_files_are_those_of_the_translations(messages):
    assert messages.path.read_text(encoding="utf-8") == messages.text()
    assert messages.path.with_suffix(".mo").read_bytes() == messages.compiled()


def test_what_is_missing_is_found(tmp_path):
    path = tmp_path / "de" / "LC_MESSAGES" / "django.po"
    messages = Messages(path, {("Two %(n)s", ""): ["Zwei"], ("One", ""): [""], ("%(n)s item", "%(n)s items"): ["%(n)s Ding"]})
    assert messages.missing(set(messages.entries) | {("None", "")}) == ["%(n)s item", "None", "One", "Two %(n)s"]
    path.parent.mkdir(parents=True)
    path.write_text(messages.text(), encoding="utf-8")
    assert Messages.read(path).entries == messages.entries
    assert PLACEHOLDER.findall("%(n)s of 5 %% {x}") == ["%(n)s", "%%", "{x}"]


@pytest.mark.parametrize("language", ["de", "fr", "zh-hans"])
def test_headings_and_reasons_are_shown_translated(language):
    assert translation.to_locale(language) in LANGUAGES
    with translation.override(language):
        assert all(heading(name) != text or text == "Bestsellers" for name, text in _HEADINGS.items())
        assert "10" in wording.reworded(RecommendedItem("1", 1.0, "10 % off", "on_sale"), "", {}).reason
        for reason, title in [
            *((text, None) for text in wording._PLAIN),
            *((m % {"title": "Mug"}, "Mug") for m in wording._NAMING),
        ]:
            said = wording.reworded(RecommendedItem("1", 1.0, reason, "kind", "2", title), "", {})
            assert said.reason != reason or reason == "Bestseller"
            assert title is None or title in said.reason


def test_every_reason_that_a_source_gives_is_known():
    """Read from the sources themselves, so that a new reason cannot be forgotten here."""
    known = {*wording._PLAIN, *(message.replace("%(title)s", "\0") for message in wording._NAMING)}
    for path in sorted(SOURCES.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Reason" and node.args:
                for text in _texts(node.args[0]):
                    counted = any(pattern.fullmatch(text.replace("\0", "7")) for pattern, _ in wording._COUNTING)
                    assert counted or text in known or text.startswith("\0") or text == "You bought this\0", (path.name, text)


@pytest.mark.parametrize("message", [*wording._NAMING, *(message for _, message in wording._COUNTING), *wording._PLAIN])
def test_a_reason_is_found_again_as_its_message(message):
    parts = {"title": "50 % off Mug", "number": 12}
    said = reason_text(Reason(message % parts if "%" in message else message, title=parts["title"]))
    assert said.message == message
    assert said == said.message % said.parts if said.parts else said


def test_what_is_said_to_staff_is_put_together_in_their_language():
    orders = said(
        "bought together with %(title)s in %(n)s order", "bought together with %(title)s in %(n)s orders", 1, title="Mug", n=1
    )
    more = said(
        "bought together with %(title)s in %(n)s order", "bought together with %(title)s in %(n)s orders", 31, title="Mug", n=31
    )
    assert (orders, more) == ("bought together with Mug in 1 order", "bought together with Mug in 31 orders")
    known = {
        "de": ("in 1 Bestellung zusammen mit „Mug“ gekauft", "in 31 Bestellungen zusammen mit „Mug“ gekauft"),
        "fr": ("acheté avec « Mug » dans 1 commande", "acheté avec « Mug » dans 31 commandes"),
        "zh-hans": ("在 1 个订单中与“Mug”一起购买", "在 31 个订单中与“Mug”一起购买"),
        "en": (orders, more),
    }
    for language, texts in known.items():
        with translation.override(language):
            assert (wording.spoken(orders), wording.spoken(more)) == texts
    rule = said("rule %(id)s (%(note)s)", id="sale", note="50 % off")
    ranked = said("it is number %(rank)s with %(score)s; the last one shown has %(last)s", rank=3, score=0.5, last=0.25)
    with translation.override("de"):
        assert wording.spoken(said("hidden here by %(rules)s", rules=[rule, rule])) == (
            "hier ausgeblendet durch Regel sale (50 % off), Regel sale (50 % off)"
        )
        assert wording.spoken(ranked) == "es ist Nummer 3 mit 0,500; der letzte gezeigte Artikel hat 0,250"
        day = said("it expired on %(day)s", day=datetime(2026, 3, 1, 12, tzinfo=UTC))
        assert wording.spoken(day) == "es ist abgelaufen am 01.03.2026 12:00"
        change = said("%(name)s %(new)s instead of %(old)s", name="price_max", new=Decimal("12.50"), old=Decimal(9))
        assert wording.spoken(change) == "price_max 12,50 statt 9"
        reason = said(
            "%(reason)s (%(n)s visitor lately)", "%(reason)s (%(n)s visitors lately)", 7, reason=said("Bestseller"), n=7
        )
        assert wording.spoken(reason) == "Bestseller (zuletzt 7 Personen)"
        assert wording.spoken("as it is") == "as it is"
    assert pickle.loads(pickle.dumps(rule)).parts == rule.parts  # noqa: S301 -- our own


def _texts(node):
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body), *_texts(node.orelse)]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return ["".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)]
    return []


@pytest.mark.django_db
def test_rows_are_translated(products, browser, settings):
    from django.template import engines

    template = engines["django"].from_string("{% load reco %}{% new_arrivals n=3 %}")
    for language, title in (("de", "Neu eingetroffen"), ("fr", "Nouveautés"), ("zh-hans", "新品上架"), ("en", "New arrivals")):
        with translation.override(language):
            assert title in template.render({})
            assert {obj.reco.reason for obj in reco.recommend(None, "new_arrivals", n=3)} == {translation.gettext("New")}
