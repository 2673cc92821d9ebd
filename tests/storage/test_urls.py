import sys

import pytest

from reco_sdk.errors import ConfigError, MissingExtra
from reco_sdk.storage.memory import MemoryStore
from reco_sdk.storage.postgres import PostgresStore
from reco_sdk.storage.sqlite import SqliteStore
from reco_sdk.storage.urls import open_store


def test_memory():
    assert isinstance(open_store("memory://"), MemoryStore)


def test_sqlite(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    relative = open_store("sqlite:///a/shop %20.sqlite3")
    absolute = open_store("sqlite:////srv/shop.sqlite3")
    assert isinstance(relative, SqliteStore)
    assert isinstance(absolute, SqliteStore)
    assert relative.path == tmp_path / "a" / "shop %20.sqlite3"
    assert str(absolute.path) == "/srv/shop.sqlite3"


@pytest.mark.parametrize(
    ("url", "mend"),
    [
        ("", "use memory://"),
        ("shop.sqlite3", "not a URL"),
        ("sqlite://", "after the third"),
        ("sqlite://shop.sqlite3", "sqlite:///shop.sqlite3"),
        ("sqlite:///", "names no file"),
        ("sqlite:///:memory:", "use memory://"),
        ("sqlite:///a.sqlite3?mode=ro", "takes only a path"),
        ("memory://x", "unknown"),
        ("mysql://shop", "unknown"),
        ("postgresql://shop:p@ss/word@db/shop", "percent-encode"),
        ("postgres://shop:pass/word@db/shop", "percent-encode"),
        ("postgres://db:port/shop", "percent-encode"),
    ],
)
def test_anything_else_is_refused(url, mend):
    with pytest.raises(ConfigError, match=mend):
        open_store(url)


@pytest.mark.parametrize("url", ["mysql://shop:secret@db/shop", "postgresql://shop:sec/ret@db/shop"])
def test_no_password_in_the_message(url):
    with pytest.raises(ConfigError) as caught:
        open_store(url)
    assert "sec" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("postgresql://shop:secret@db/shop", "postgresql://db/shop"),
        ("postgres://u:p%40w@db:5433/shop?password=x", "postgres://db:5433/shop"),
        ("postgresql://u@[::1]:5433,db2/shop", "postgresql://[::1]:5433,db2/shop"),
        ("postgresql://u@/shop?host=/run/pg", "postgresql:///run/pg/shop"),
        ("postgresql:///shop", "postgresql:///shop"),
    ],
)
def test_postgres(url, where):
    store = open_store(url, listen_dsn=url)
    assert isinstance(store, PostgresStore)
    assert store.where == where


def test_postgres_needs_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(MissingExtra, match=r"asyncpg .*reco-sdk\[postgres\]"):
        open_store("postgresql://db/shop")
