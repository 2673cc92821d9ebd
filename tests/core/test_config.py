"""Settings are refused by name when they cannot work; opening names the one place that knows concrete classes."""

import dataclasses
import math
from pathlib import Path

import pytest

from reco_sdk import Config, Item, Recommender
from reco_sdk.errors import ConfigError
from reco_sdk.storage.memory import MemoryStore
from reco_sdk.storage.sqlite import SqliteStore
from reco_sdk.wiring import SystemClock, make_embedder
from tests.core.support import WARDROBE, recommender


@pytest.mark.parametrize(
    ("setting", "value", "mend"),
    [
        ("store", 5, "not text"),
        ("model", None, "not text"),
        ("exact_limit", 1.5, "whole number"),
        ("exact_limit", True, "not a number"),
        ("exact_limit", -1, "0 or more"),
        ("deadline_ms", 0, "greater than 0"),
        ("deadline_ms", -1, "greater than 0"),
        ("deadline_ms", math.nan, "not a number"),
        ("deadline_ms", math.inf, "not a number"),
        ("deadline_ms", "50", "not a number"),
        pytest.param("deadline_ms", 10**400, "not a number", id="deadline_ms-huge"),
        ("cache_ttl_seconds", -1, "0 or more"),
        ("session_cap", 0, "greater than 0"),
        ("buffer_limit", 0, "greater than 0"),
    ],
)
def test_a_setting_that_cannot_work_is_named(setting, value, mend):
    with pytest.raises(ConfigError, match=f"{setting}.*{mend}"):
        Config(**{setting: value})


def test_every_default_works_and_nothing_can_be_changed():
    config = Config()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.model = "other"
    assert hash(config) == hash(Config())
    assert Config(cache_ttl_seconds=0, exact_limit=0, sessions_indexed=0, delta_limit=0) != config


def test_the_environment_is_read_by_name():
    environ = {
        "RECO_MODEL": "hashing",
        "RECO_EXACT_LIMIT": "7",
        "RECO_DEADLINE_MS": "12.5",
        "RECO_STORE": "memory://",
        "RECO_TORCH_INDEX": "somebody else's",
        "MODEL": "not ours",
    }
    config = Config.from_env(environ, exact_limit=9)
    assert (config.model, config.exact_limit, config.deadline_ms, config.store) == ("hashing", 9, 12.5, "memory://")


@pytest.mark.parametrize(("text", "type_"), [("many", "int"), ("1.5", "int"), ("", "int")])
def test_a_variable_that_cannot_be_read_is_named(text, type_):
    with pytest.raises(ConfigError, match=f"RECO_EXACT_LIMIT=.*{type_}"):
        Config.from_env({"RECO_EXACT_LIMIT": text})


def test_a_value_from_the_environment_is_checked():
    with pytest.raises(ConfigError, match="deadline_ms"):
        Config.from_env({"RECO_DEADLINE_MS": "nan"})


def test_what_is_no_setting_is_refused_with_those_that_are(monkeypatch):
    for call in (
        lambda: Config.from_env({}, colour="red"),
        lambda: Config().with_settings(colour="red"),
        lambda: Recommender.open("memory://", config=Config(), colour="red"),
        lambda: Recommender.open("memory://", colour="red"),
    ):
        with pytest.raises(ConfigError, match=r"'colour' is no setting.*deadline_ms"):
            call()


def test_only_config_reads_the_environment():
    for path in (Path(__file__).parents[2] / "reco_sdk").rglob("*.py"):
        if path.name != "config.py":
            assert "os.environ" not in path.read_text(), path


def test_the_store_is_what_the_url_names(tmp_path, monkeypatch):
    assert isinstance(Recommender.open("memory://").store, MemoryStore)
    assert isinstance(Recommender.open(f"sqlite:///{tmp_path}/a.sqlite3").store, SqliteStore)
    monkeypatch.setenv("RECO_STORE", "memory://")
    assert isinstance(Recommender.open(model="hashing").store, MemoryStore)
    with pytest.raises(ConfigError):
        Recommender.open("mongodb://shop")


def test_the_state_folder(tmp_path):
    assert Config(state_dir="/state").state_path(Path("/shop.sqlite3")) == Path("/state")
    assert Config().state_path(Path("/data/shop.sqlite3")) == Path("/data/shop.sqlite3.state")
    assert Config().state_path(None) is None


def test_the_embedder_is_what_the_model_names(monkeypatch, caplog):
    assert make_embedder(Config(model="")) is None
    assert make_embedder(Config(model="hashing")).fingerprint.startswith("hashing")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert make_embedder(Config()) is None
    assert "pip install 'reco-sdk[embed]'" in caplog.text


def test_the_clock_tells_utc():
    assert SystemClock().now().utcoffset().total_seconds() == 0


async def test_opening_does_nothing_and_closing_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    reco = recommender()
    recommender(f"sqlite:///{tmp_path}/shop.sqlite3")
    assert list(tmp_path.iterdir()) == []
    async with reco:
        await reco.upsert_items(WARDROBE)
        await reco.sync()
        assert len(list(tmp_path.iterdir())) == 1
        await reco.similar_items("boots")
    assert list(tmp_path.iterdir()) == []


async def test_without_a_model_everything_else_works():
    async with Recommender.open("memory://", config=Config(model="", poll_interval_seconds=3600)) as reco:
        await reco.upsert_items(WARDROBE)
        for _ in range(2):
            assert len(await reco.recommend(n=5)) == 5
            assert set((await reco.similar_items("red-dress", n=2)).ids) == {"blue-dress", "black-dress"}  # by category
            assert (await reco.sync()).with_vector == 0
        await reco.upsert_items([Item(id="x", title="y")])
