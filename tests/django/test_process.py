"""Whole processes: threads, forks, files."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(scenario, folder, **reco):
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-W",
            "ignore::DeprecationWarning:multiprocessing",
            "-m",
            "tests.django.process",
            scenario,
            folder,
        ],
        cwd=ROOT,
        env={**os.environ, "SHOP_RECO": json.dumps(reco)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_fresh(tmp_path):
    found, said = run("fresh", tmp_path)
    assert found["start"] is not None, said
    assert found["save"] < 1.0
    assert found["hidden"] is True
    assert found["bulk"] < 5.0
    assert found["phantom"] is False
    assert found["order"] < 5.0
    assert found["view"] is True
    assert "Traceback" not in said


def test_a_rule_of_the_admin_holds_in_a_process_that_polls(tmp_path):
    found, said = run("ruled", tmp_path)
    assert found["saved"] == 302, said
    assert found["hidden"] is not None
    assert found["back"] is not None
    assert found["facts"]["Changes not yet taken over"] == 0
    assert "Traceback" not in said


def test_no_torch_after_a_page(tmp_path):
    found, said = run("torch_free", tmp_path, MODEL="all-MiniLM-L6-v2")
    assert found["status"] == [200, 200]
    assert found["rows"] is not None, said
    assert found["heavy"] == []


def test_fork(tmp_path):
    found, said = run("forked", tmp_path)
    assert found["exit"] == 0, said
    assert found["child"] is not None
    assert found["viewed"] is True
    assert found["parent"] is not None


def test_what_was_recorded_survives_the_end(tmp_path):
    found, said = run("recorded", tmp_path, CONFIG={"flush_interval_seconds": 3_600.0})
    database = sqlite3.connect(found["file"])
    try:
        assert database.execute("SELECT count(*) FROM reco_interaction").fetchone() == (5,), said
        assert database.execute("SELECT count(*) FROM reco_impression").fetchone()[0] >= 5
    finally:
        database.close()


def test_heals_when_the_cause_goes(tmp_path):
    found, said = run("broken", tmp_path, STORE=f"sqlite:///{tmp_path}/later/reco.sqlite3")
    assert (found["first"], found["errors"]) == (200, 1)
    assert found["mended"] is not None, said


def test_doctor(tmp_path):
    found, said = run("doctor", tmp_path)
    assert found["before"]["code"] == 1
    assert "run manage.py reco_sync" in found["before"]["out"]
    assert found["sync"]["code"] == 0
    out = found["after"]["out"]
    assert found["after"]["code"] == 0, out + said
    assert "plain.product: 12 of 12 rows may be recommended" in out
    assert "guessed: CharField 'title'" in out
    assert "bought together: plain.product:" in out
    assert "engine p50" in out
    assert "/p/1/: 200, 1 row(s) with items" in out
    assert "All is well." in out


def test_setting_up_starts_nothing(tmp_path):
    found, _ = run("idle", tmp_path)
    assert found["threads"] == 1
    assert found["files"] == ["shop.sqlite3"]


def test_a_slow_start_is_waited_for_once(settings, monkeypatch, db):
    from django_reco import places, recommender

    opened = threading.Event()
    closed = []

    class Slow:
        def __init__(self, config):
            pass

        def start(self, timeout_seconds):
            opened.wait(10)

        def close(self):
            closed.append(True)

    settings.RECO = {"ITEMS": "plain.Product", "MODEL": "hashing", "START_SECONDS": 0.2}
    monkeypatch.setattr("django_reco.backend.Backend", Slow)
    monkeypatch.setattr(recommender, "is_inline", lambda config: False)
    process = recommender.Process()
    before = time.perf_counter()
    assert [process.backend() for _ in range(10)] == [None] * 10
    assert 0.15 < time.perf_counter() - before < 1.0
    process.stop()
    opened.set()
    deadline = time.perf_counter() + 5
    while not closed and time.perf_counter() < deadline:
        time.sleep(0.01)
    assert closed
    assert process._backend is None
    assert places.is_inline(recommender.get_settings())


def test_a_start_that_failed_is_tried_again_beside_the_pages(settings, monkeypatch, db):
    from django_reco import recommender
    from reco_sdk.errors import StoreUnavailable

    again = threading.Event()
    tries = []

    class Down:
        def __init__(self, config):
            pass

        def start(self, timeout_seconds):
            tries.append(again.is_set())
            if len(tries) > 1:
                again.wait(30)
            raise StoreUnavailable("nobody answers")

    settings.RECO = {"ITEMS": "plain.Product", "MODEL": "hashing", "START_SECONDS": 3_600.0}
    monkeypatch.setattr("django_reco.backend.Backend", Down)
    monkeypatch.setattr(recommender, "is_inline", lambda config: False)
    monkeypatch.setattr(recommender, "RETRY_SECONDS", 0.0)
    process = recommender.Process()
    assert process.backend() is None  # waited for, as it may succeed
    assert process.error == "nobody answers"
    assert [process.backend() for _ in range(10)] == [None] * 10  # an hour each, if they waited
    again.set()
    process.end()
    assert tries[:2] == [False, False]
