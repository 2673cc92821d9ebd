"""The admin of rules: the form, its checks, conflicts, history, preview and permissions, and the engine that hears of them."""

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Permission, User
from django.urls import path, reverse

import django_reco as reco
from django_reco.admin import ItemAdmin, RuleAdmin
from django_reco.models import Rule as Row
from django_reco.models import RuleHistory, StoredItem
from django_reco.rules import put_rule, read_rules
from reco_sdk.ranking.rules import Rule

pytestmark = pytest.mark.django_db

ADD = "/admin/django_reco/rule/add/"
LIST = "/admin/django_reco/rule/"


def staff(*permissions):
    user = User.objects.create_user("staff" + str(User.objects.count()), password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


@pytest.fixture
def merchant(client):
    client.force_login(User.objects.create_superuser("anna", password="x"))
    return client


def fields(**given):
    return {"action": "hide", "enabled": "on", "priority": "0", **given}


def text(response):
    return response.content.decode()


def item(product):
    return f"plain.product:{product.pk}"


def test_a_rule_is_added_changed_and_deleted_with_its_history(merchant, products):
    given = fields(
        note="Recalled mugs", items=f"{products[6].pk}\n{item(products[7])}", placements=["item", "cart"], priority="3"
    )
    given |= {"starts_at_0": "2026-01-01", "starts_at_1": "08:00", "languages": "de"}
    assert merchant.post(ADD, given).status_code == 302
    [rule] = read_rules()
    assert (rule.id, rule.items, rule.placements) == ("recalled-mugs", (item(products[6]), item(products[7])), ("item", "cart"))
    assert (rule.priority, rule.languages, rule.starts_at.isoformat()) == (3, ("de",), "2026-01-01T08:00:00+00:00")

    change = reverse("admin:django_reco_rule_change", args=["recalled-mugs"])
    page = text(merchant.get(change))
    assert "Recalled mugs" in page
    assert item(products[6]) in page
    assert merchant.post(change, {**given, "note": "Still recalled", "rule_id": "another"}).status_code == 302
    assert [(r.id, r.note) for r in read_rules()] == [("recalled-mugs", "Still recalled")]

    history = text(merchant.get(reverse("admin:django_reco_rule_history", args=["recalled-mugs"])))
    assert "anna" in history
    assert "Still recalled" in history
    assert merchant.post(reverse("admin:django_reco_rule_delete", args=["recalled-mugs"]), {"post": "yes"}).status_code == 302
    assert read_rules() == []
    assert list(RuleHistory.objects.order_by("version").values_list("changed_by", flat=True)) == ["anna"] * 3
    assert "anna" in text(merchant.get(reverse("admin:django_reco_rule_history", args=["recalled-mugs"])))


def test_the_engine_hides_what_the_admin_says(merchant, products):
    assert products[0] in list(reco.recommend(None, "new_arrivals", n=20))
    merchant.post(ADD, fields(items=item(products[0])))
    assert products[0] not in list(reco.recommend(None, "new_arrivals", n=20))
    merchant.post(LIST, {"action": "disable", "_selected_action": ["hide"]})
    assert [rule.enabled for rule in read_rules()] == [False]
    assert products[0] in list(reco.recommend(None, "new_arrivals", n=20))
    merchant.post(LIST, {"action": "enable", "_selected_action": ["hide"]})
    assert products[0] not in list(reco.recommend(None, "new_arrivals", n=20))
    merchant.post(LIST, {"action": "delete_selected", "_selected_action": ["hide"], "post": "yes"})
    assert products[0] in list(reco.recommend(None, "new_arrivals", n=20))
    assert RuleHistory.objects.count() == 4


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"where": "brand = 'x'"}, "<code>brand <mark>=</mark> &#x27;x&#x27;</code>"),
        ({"where": "price > "}, "▮"),
        ({"action": "pin", "items": "1"}, "is not a place from 1"),
        ({"action": "boost", "items": "1", "factor": "0.5"}, "above 1"),
        ({}, "says of nothing what it acts on"),
        ({"rule_id": "ä ö", "items": "1"}, "letters, digits"),
        ({"rule_id": "taken", "items": "1"}, "There is a rule of this name already."),
        ({"items": "1", "ends_at_0": "2026-01-01", "ends_at_1": "00:00", "starts_at_0": "2026-02-01", "starts_at_1": "00:00"}, "is not after"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_where_it_stands(merchant, products, wrong, said):
    put_rule(Rule(id="taken", action="hide", items=("x",)))
    response = merchant.post(ADD, fields(**wrong))
    assert response.status_code == 200
    assert said in text(response)
    assert len(read_rules()) == 1


def test_conflicts_are_shown(merchant, products):
    put_rule(Rule(id="first", action="pin", slot=1, items=(item(products[0]),)))
    page = text(merchant.post(ADD, fields(rule_id="second", action="pin", slot="1", items=item(products[1])), follow=True))
    assert page.count("Two pins on one place") == 2  # the message, and the list of conflicts
    assert "both pin to place 1" in text(merchant.get(reverse("admin:django_reco_rule_change", args=["first"])))
    put_rule(Rule(id="nobody", action="hide", items=("plain.product:0",)))
    assert "Acts on no product" in text(merchant.get(LIST))


def test_the_list_is_narrowed(merchant, products):
    put_rule(Rule(id="cart-only", action="hide", items=("x",), placements=("cart",)))
    put_rule(Rule(id="everywhere", action="hide", items=("x",), ends_at="2020-01-01"))
    put_rule(Rule(id="one-day", action="hide", items=("x",), starts_at="2100-01-01", placements=("home",)))

    def found(query):
        return {row.pk for row in merchant.get(f"{LIST}?{query}").context["cl"].queryset}

    assert found("placement=cart") == {"cart-only", "everywhere"}
    assert found("time=over") == {"everywhere"}
    assert found("time=later") == {"one-day"}
    assert found("time=now") == {"cart-only"}
    assert found("q=everyw") == {"everywhere"}


def test_a_preview_shows_both_rows_and_stores_nothing(merchant, products):
    url = reverse("admin:django_reco_rule_preview")
    given = fields(action="pin", slot="1", items=item(products[9]), preview_item=str(products[0].pk), preview_placement="item")
    given |= {"starts_at_0": "2100-01-01", "starts_at_1": "00:00"}
    response = merchant.post(url, given)
    before, after = response.context["before"], response.context["after"]
    assert after.items[0].why.id == item(products[9])
    assert before.items[0].why.id != item(products[9])
    assert products[9].title in text(response)
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert (read_rules(), RuleHistory.objects.count()) == ([], 0)
    # It equals what the row is once it is saved.
    put_rule(Rule(id="saved", action="pin", slot=1, items=(item(products[9]),)))
    shown = reco.recommend(None, seeds=[products[0]], placement="item")
    assert [item(product) for product in shown] == [place.why.id for place in after.items]
    # A stored rule is taken as the form has it.
    change = reverse("admin:django_reco_rule_preview", args=["saved"])
    response = merchant.post(change, {**given, "items": item(products[8])})
    assert [r.context_data[side].items[0].why.id for r in (response,) for side in ("before", "after")] == [
        item(products[9]),
        item(products[8]),
    ]
    assert "This rule changes nothing" in text(merchant.post(url, {**given, "placements": ["home"]}))
    assert "cannot stand here" in text(merchant.post(url, {**given, "where": "brand == =="}))
    assert "nothing" in text(merchant.post(url, {**given, "items": ""}))
    assert 'role="alert"' in text(merchant.post(url, {**given, "preview_item": "plain.product:0", "preview_placement": "item"}))
    assert merchant.get(url).status_code == 405


def test_permissions_are_of_their_own(client, products):
    put_rule(Rule(id="r", action="pin", slot=2, items=(item(products[0]),), note="look", placements=("cart",)))
    change, why = reverse("admin:django_reco_rule_change", args=["r"]), reverse("admin:django_reco_storeditem_changelist")
    client.force_login(staff())
    assert [client.get(url).status_code for url in (LIST, ADD, change, why, "/admin/django_reco/storeditem/dashboard/")] == [
        403
    ] * 5
    client.force_login(staff("view_rule"))
    assert [client.get(url).status_code for url in (LIST, ADD, change)] == [200, 403, 200]
    page = text(client.get(change))
    assert "cart" in page
    assert item(products[0]) in page
    assert 'name="preview_item"' not in page
    assert client.post(reverse("admin:django_reco_rule_preview"), fields(items="1")).status_code == 403
    assert client.post(reverse("admin:django_reco_rule_preview", args=["r"]), fields(items="1")).status_code == 403
    assert client.post(change, fields(items="1")).status_code == 403
    client.force_login(staff("view_rule", "add_rule"))
    assert client.post(ADD, fields(items="1")).status_code == 302
    assert client.post(reverse("admin:django_reco_rule_delete", args=["r"]), {"post": "yes"}).status_code == 403
    client.force_login(staff("view_storeditem"))
    assert [client.get(url).status_code for url in (LIST, why)] == [403, 200]
    assert {rule.id for rule in read_rules()} == {"r", "hide"}


def test_what_this_release_cannot_read_is_said(merchant):
    Row.objects.create(
        rule_id="old", version=1, action="hide", enabled=True, priority=0, note="", data="{", updated_at=1, updated_by=""
    )
    assert "not JSON" in text(merchant.get(reverse("admin:django_reco_rule_change", args=["old"])))
    assert merchant.get(LIST).status_code == 200


def test_rules_in_another_store_are_not_changed_here(merchant, settings, monkeypatch):
    monkeypatch.setattr("django_reco.admin.rule_admin.in_shop_database", lambda: False)
    assert "another store" in text(merchant.get(LIST))
    assert merchant.get(ADD).status_code == 403


site = AdminSite(name="backoffice")
site.register(Row, RuleAdmin)
site.register(StoredItem, ItemAdmin)
urlpatterns = [path("office/", site.urls)]


@pytest.mark.urls("tests.django.test_admin")
def test_a_site_of_the_shops_own(merchant, products):
    put_rule(Rule(id="r", action="hide", items=(item(products[0]),)))
    for url in ("", "django_reco/", "django_reco/rule/", "django_reco/rule/r/change/", "django_reco/rule/r/history/"):
        page = text(merchant.get(f"/office/{url}"))
        assert '="/admin/' not in page
    pages = ["django_reco/storeditem/", "django_reco/storeditem/dashboard/", "django_reco/storeditem/plain.product_3A1/change/"]
    for url in pages:
        assert merchant.get(f"/office/{url}").status_code == 200
