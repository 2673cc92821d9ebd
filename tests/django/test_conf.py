import pytest

from django_reco.conf import CookieSettings, get_settings, parse
from reco_sdk.errors import ConfigError


def problems(raw):
    return parse(raw)[1]


def test_smallest_configuration():
    found, wrong = parse({"ITEMS": "shop.Product"})
    assert not wrong
    assert [spec.model for spec in found.items] == ["shop.Product"]
    assert (found.mode, found.embed_in_web, found.consent, found.poll_seconds) == ("poll", False, "", 0.25)


def test_items_as_dict_and_list():
    found, wrong = parse(
        {
            "ITEMS": [
                {"model": "a.B", "text": "title", "watch": ["a.Stock"], "where": {"x": 1}},
                {"model": "a.C", "text": ["title", "body"], "watch": {"a.Stock": "c"}},
                "a.D",
            ]
        }
    )
    assert not wrong
    assert [spec.text for spec in found.items] == [("title",), ("title", "body"), None]
    assert [dict(spec.watch) for spec in found.items] == [{"a.Stock": ""}, {"a.Stock": "c"}, {}]


@pytest.mark.parametrize(
    ("raw", "check_id", "says"),
    [
        ("shop.Product", "reco.E001", "not a dict"),
        ({"ITEM": "shop.Product"}, "reco.E002", "'ITEMS'"),
        ({"items": "shop.Product"}, "reco.E002", "'ITEMS'"),
        ({"XYZZY": 1}, "reco.E002", "Known are"),
        ({"ITEMS": {"model": "a.B", "prize": "x"}}, "reco.E002", "'price'"),
        ({"ITEMS": 3}, "reco.E010", "int"),
        ({"ITEMS": {"text": ["a"]}}, "reco.E010", "'model'"),
        ({"ITEMS": {"model": "a.B", "text": []}}, "reco.E010", "path"),
        ({"ITEMS": {"model": "a.B", "price": 3}}, "reco.E010", "text or None"),
        ({"ITEMS": ["a.B", "a.b"]}, "reco.E010", "twice"),
        ({"ORDERS": "a.B"}, "reco.E020", "dict"),
        ({"ORDERS": {"model": "a.B"}}, "reco.E020", "'item'"),
        ({"EVENTS": ["a"]}, "reco.E030", "list"),
        ({"EVENTS": {"a.b": {"kind": "viewed", "item": "x"}}}, "reco.E030", "view_item"),
        ({"EVENTS": {"a.b": {"kind": "view_item"}}}, "reco.E030", "item"),
        ({"EVENTS": {"a.b": "search"}}, "reco.E030", "query"),
        ({"MODE": "fast"}, "reco.E003", "inline"),
        ({"MODEL": 3}, "reco.E003", "text"),
        ({"BOTS": "("}, "reco.E003", "regular expression"),
        ({"EMBED_IN_WEB": "yes"}, "reco.E003", "True or False"),
        ({"POLL_SECONDS": 0}, "reco.E003", "greater than 0"),
        ({"POLL_SECONDS": float("nan")}, "reco.E003", "greater than 0"),
        ({"POLL_SECONDS": True}, "reco.E003", "number"),
        ({"SPARE": 1.5}, "reco.E003", "whole number"),
        ({"COOKIE": {"nam": "x"}}, "reco.E002", "'name'"),
        ({"COOKIE": {"name": "reco_session"}}, "reco.E003", "'session_name'"),
        ({"CONFIG": {"exact_limit": -1}}, "reco.E003", "exact_limit"),
        ({"CONFIG": {"store": "x"}}, "reco.E002", "store"),
        ({"CONFIG": 1}, "reco.E003", "dict"),
    ],
)
def test_what_cannot_work(raw, check_id, says):
    found = problems(raw)
    assert [p.check_id for p in found] == [check_id]
    assert says in found[0].message + found[0].hint


def test_cookie_and_paths(tmp_path):
    found, wrong = parse(
        {"COOKIE": {"name": "v", "max_age_seconds": 60, "secure": True}, "STATE_DIR": tmp_path, "STORE": tmp_path / "s"}
    )
    assert not wrong
    assert found.cookie == CookieSettings(name="v", max_age_seconds=60, secure=True)
    assert (found.state_dir, found.store) == (str(tmp_path), f"sqlite:///{tmp_path / 's'}")


def test_live_under_override(settings):
    assert get_settings().items[0].model == "plain.Product"
    settings.RECO = {"ITEMS": "keys.Phone", "MODE": "inline"}
    assert get_settings().items[0].model == "keys.Phone"
    settings.RECO = {"NOPE": 1}
    with pytest.raises(ConfigError, match="NOPE"):
        get_settings()
