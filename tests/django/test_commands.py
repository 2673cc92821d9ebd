import io

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from django_reco import registry
from django_reco.progress import Progress
from tests.django.shops.plain.models import Order, OrderLine, Product

pytestmark = pytest.mark.django_db


def call(*args, **options):
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(*args, stdout=out, stderr=err, no_color=True, **options)
        code = 0
    except CommandError as error:
        code = error.returncode
        err.write(str(error))
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def stored(settings, tmp_path):
    """A store in a file, as in production; the shop's own database is in memory."""
    settings.RECO = {
        "ITEMS": "plain.Product",
        "ORDERS": {"model": "plain.OrderLine", "item": "product", "group": "order", "at": "order.created_at"},
        "STORE": f"sqlite:///{tmp_path}/reco.sqlite3",
        "MODEL": "hashing",
    }
    return tmp_path


def buy(products):
    order = Order.objects.create()
    for product in products:
        OrderLine.objects.create(order=order, product=product, price=1)


def test_sync(stored, products):
    buy(products[:2])
    Product.objects.filter(pk=products[2].pk).update(title="bad \x01")
    code, out, err = call("reco_sync")
    assert code == 0, err
    assert "12 read" not in out
    assert "11 read: 11 new, 0 changed, 0 removed, 1 refused" in out
    assert "2 lines read: 2 new purchases" in out
    assert "11 embedded" in out
    assert f"plain.product:{products[2].pk}" in err
    assert "title" in err
    code, out, _ = call("reco_sync")
    assert "0 new, 0 changed, 0 removed, 1 refused" in out
    assert "nothing is new" in out
    Product.objects.filter(pk=products[0].pk).update(title="New title")
    Product.objects.filter(pk=products[1].pk).delete()
    code, out, _ = call("reco_sync", "--dry-run")
    assert "0 would be new, 1 would be changed, 1 would be removed" in out
    assert "nothing was written" in out
    code, out, _ = call("reco_sync")
    assert "0 new, 1 changed, 1 removed" in out
    assert "1 embedded, 9 known" in out
    code, out, _ = call("reco_sync", "--rebuild")
    assert "0 embedded, 10 known" in out
    assert "snapshot 10 items" in out


def test_sync_says_what_is_wrong(settings, tmp_path):
    settings.RECO = {"NOPE": 1}
    assert call("reco_sync", skip_checks=True)[0] == 1
    settings.RECO = {"ITEMS": "plain.Product", "STORE": "sqlite:////nowhere/x.sqlite3", "MODEL": "hashing"}
    code, _, err = call("reco_sync")
    assert code == 1
    assert "nowhere" in err


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_bar():
    stream = Terminal()
    with Progress("items", 4, stream) as bar:
        for _ in range(4):
            bar(1)
    assert "4/4" in stream.getvalue()
    assert stream.getvalue().endswith("\n")
    silent = io.StringIO()
    with Progress("items", 0, silent) as bar:
        bar(1)
    assert silent.getvalue() == ""


def test_doctor_on_the_page(products):
    _, out, err = call("reco_doctor")
    assert "1 row(s) with items" in out, out + err


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({"NOPE": 1}, "reco.E002"),
        ({"ITEMS": {"model": "plain.Product", "url": ""}}, "no page address"),
        ({"ITEMS": {"model": "plain.Product", "where": {"stock": 77}}}, "leave nothing"),
        ({"ITEMS": {"model": "plain.Product", "url": "slug"}}, None),
        ({"ITEMS": {"model": "plain.Product", "title": "brand"}}, "makes an item"),
        (
            {"ITEMS": "plain.Product", "ORDERS": {"model": "plain.OrderLine", "item": "product", "quantity": "product.stock"}},
            "quantity",
        ),
    ],
)
def test_doctor_says_what_is_wrong(products, settings, raw, says):
    Product.objects.update(stock=0)
    buy(products[:1])
    settings.RECO = {"MODE": "inline", **raw}
    code, out, _ = call("reco_doctor", "--no-page")
    if says is None:
        assert "to mend" not in out or "page" not in out.split("to mend")[1]
    else:
        assert code == 1
        assert says in out.split("to mend")[1]


def test_init_proposes_what_works(db, settings):
    code, out, _ = call("reco_init", "plain.Product")
    assert code == 0
    block = out[out.index("RECO = ") + 7 : out.index("# Then")]
    proposed = eval(block)  # noqa: S307  what a shop would paste
    assert proposed["ITEMS"]["model"] == "plain.Product"
    assert proposed["ITEMS"]["text"] == ["title", "description"]
    assert proposed["ITEMS"]["where"] == {"is_active": True}
    assert proposed["ORDERS"] == {
        "model": "plain.OrderLine",
        "item": "product",
        "group": "order_id",
        "user": "order.user",
        "at": "order.created_at",
        "quantity": "quantity",
        "price": "price",
        "where": {"order__paid": True},
    }
    assert "order lines plain.OrderLine point to it" not in out
    assert "CharField 'title'" in out
    settings.RECO = {**proposed, "MODE": "inline"}
    call_command("check", "--tag", "reco")
    assert registry.adapters()["plain.product"].index_queryset().count() == 0


@pytest.fixture
def _plain_shop(settings):
    shapes = ("bilingual", "boutique", "catalog", "channels", "core", "media")
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app.rpartition(".")[2] not in shapes]


@pytest.mark.usefixtures("_plain_shop")
def test_init_finds_the_product_by_itself(db):
    code, out, _ = call("reco_init")
    assert code == 0
    assert "ITEMS plain.Product: its name" in out
    assert "order lines plain.OrderLine point to it" in out


@pytest.mark.usefixtures("_plain_shop")
def test_init_guesses_nothing_silently(db, monkeypatch):
    from django_reco import inspecting

    class Same:
        def __init__(self, candidate):
            self.model, self.score, self.reasons = candidate.model, 7, candidate.reasons

    found = [Same(c) for c in inspecting.item_candidates()]
    monkeypatch.setattr(inspecting, "item_candidates", lambda: found)
    _, out, _ = call("reco_init")
    assert "none stands out" in out
    assert "RECO =" not in out
    monkeypatch.setattr(inspecting, "item_candidates", list)
    assert call("reco_init")[0] == 1
    assert call("reco_init", "no.Model")[0] == 1


def test_migration_is_the_sql_file(db):
    from reco_sdk.storage.schema import load_migrations, pending, read_ledger

    with connection.cursor() as cursor:
        assert read_ledger(cursor) == {m.name: m.sha256 for m in load_migrations("sqlite")}
    connection.ensure_connection()
    assert pending(connection.connection) == []


def test_no_migration_is_missing(db):
    call_command("makemigrations", "--check", "--dry-run", "django_reco", verbosity=0)


def test_models_agree_with_the_tables(db):
    from django.apps import apps

    with connection.cursor() as cursor:
        for model in apps.get_app_config("django_reco").get_models():
            table = {c.name: c for c in connection.introspection.get_table_description(cursor, model._meta.db_table)}
            assert set(table) - {"dimension"} == {f.column for f in model._meta.concrete_fields}
            for field in model._meta.concrete_fields:
                assert table[field.column].null_ok == field.null or field.primary_key


def test_train(stored, products):
    code, _, err = call("reco_train")
    assert code == 1
    assert "run sync" in err
    buy(products[:2])
    call("reco_sync")
    code, out, err = call("reco_train", "--dry-run")
    assert code == 0, err
    assert "bought_together: nothing to learn yet" in out
    assert "nothing was written" in out
    assert "nothing changed" in call("reco_train")[1]
    assert "nothing happened since the training of" in call("reco_train")[1]
    assert '"model": null' in call("reco_train", "--force", "--json")[1]
