"""The admin, as a merchant of this shop meets it."""

from django.contrib.auth.models import User
from django.urls import reverse

from shop.models import Product


def test_a_rule_of_the_admin_holds_on_the_shop_page(client, teacup):
    client.force_login(User.objects.create_superuser("merchant"))
    assert b"Dashboard" in client.get("/admin/django_reco/").content
    row = client.get(reverse("admin:django_reco_storeditem_change", args=[f"shop.product_3A{teacup.pk}"])).context["rows"][0]
    gone = row.items[0].why.id
    assert row.items[0].image == f"/picture/{Product.objects.get(pk=gone.partition(':')[2]).stock_code}.svg"
    assert teacup.picture_url in client.get("/admin/django_reco/storeditem/", {"q": teacup.title}).content.decode()
    given = {"action": "hide", "enabled": "on", "priority": "0", "items": gone, "note": "Recalled"}
    preview = client.post(reverse("admin:django_reco_rule_preview"), {**given, "preview_item": str(teacup.pk)})
    assert gone not in [shown.why.id for shown in preview.context["after"].items]
    assert client.post(reverse("admin:django_reco_rule_add"), given).status_code == 302
    row = client.get(reverse("admin:django_reco_storeditem_change", args=[f"shop.product_3A{teacup.pk}"])).context["rows"][0]
    assert gone not in [shown.why.id for shown in row.items]
