import pytest

from reco_sdk.errors import ConfigError
from reco_sdk.storage.memory import MemoryStore
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
        ("postgresql://shop:secret@db/shop", "postgres extra in a later release"),
        ("postgres://db/shop", "postgres extra in a later release"),
    ],
)
def test_anything_else_is_refused(url, mend):
    with pytest.raises(ConfigError, match=mend):
        open_store(url)


def test_no_password_in_the_message():
    with pytest.raises(ConfigError) as caught:
        open_store("mysql://shop:secret@db/shop")
    assert "secret" not in str(caught.value)
