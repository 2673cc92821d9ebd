"""Several processes of one shop, real ones: who indexes, who takes over, and that nothing old is written over what is new."""

import json
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.django.shops_apart import MANAGE, ROOT, Shop, django_database, sqlite_database, until


def make_tables(shop):
    for tables in ([], ["--run-syncdb"]):  # the shop's own refer to those of the accounts
        done = shop.manage("migrate", "-v0", *tables)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def sqlite_shop(tmp_path_factory):
    """A database with the shop's tables, to be copied."""
    folder = tmp_path_factory.mktemp("shop")
    make_tables(Shop(folder, sqlite_database(folder / "shop.sqlite3")))
    return folder / "shop.sqlite3"


@pytest.fixture(scope="session")
def postgres_shop(postgres_server, tmp_path_factory):
    """The same in PostgreSQL."""
    dsn = postgres_server.create()
    make_tables(Shop(tmp_path_factory.mktemp("shop"), django_database(dsn)))
    return dsn


@pytest.fixture(params=["sqlite", "postgres", "listen"])
def shop(request, tmp_path):
    """A shop without products, on each database and in each mode."""
    if request.param == "sqlite":
        file = tmp_path / "shop.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_shop"), file)
        made = Shop(tmp_path, sqlite_database(file))
        yield made
        made.close()
        return
    server = request.getfixturevalue("postgres_server")
    dsn = server.create(request.getfixturevalue("postgres_shop"))
    made = Shop(tmp_path, django_database(dsn), MODE="listen" if request.param == "listen" else "poll")
    yield made
    made.close()
    server.drop(dsn)


def holder(*webs):
    """Wait until one of them indexes, and return it and the others."""
    found = []

    def one():
        found[:] = [web for web in webs if web.tell("holds")]
        return len(found) == 1

    until(one, "one process indexes")
    return found[0], [web for web in webs if web is not found[0]]


def test_one_web_process_indexes_and_all_follow(shop):
    webs = [shop.web() for _ in range(3)]
    holder(*webs)
    webs[0].tell("save", "Teapot")
    webs[1].tell("save", "Kettle")
    webs[1].tell("rolled_back", "Phantom")
    for web in webs:
        web.serves("Teapot", "Kettle")
    webs[2].tell("save", "Teapot", "Blue teapot")
    webs[2].tell("delete", "Kettle")
    for web in webs:
        web.serves("Blue teapot")
        web.hides("Teapot", "Kettle", "Phantom")
    assert not any("Traceback" in web.said for web in webs)


def test_an_item_is_there_a_moment_after_its_commit(shop):
    worker, webs = shop.worker(), [shop.web() for _ in range(2)]
    for web in webs:
        until(lambda web=web: web.tell("served") is not None, "started")
    worker.says("leads now")
    webs[0].tell("save", "first")
    for web in webs:
        web.serves("first")
    titles = [f"Item {n}" for n in range(12)]
    for web in webs:
        web.tell("watch", *titles)
    saved = {}
    for title in titles:
        saved[title] = webs[0].tell("save", title)
        time.sleep(0.1)
    for web in webs:
        web.serves(*titles)
    took = [at - saved[title] for web in webs for title, at in web.tell("seen").items()]
    assert statistics.median(took) < 5.0  # not a measurement: it would be minutes if only the sweep found them


def test_who_indexed_is_killed_and_another_goes_on(shop):
    webs = [shop.web() for _ in range(2)]
    first, (other,) = holder(*webs)
    first.tell("save", "Before")
    other.serves("Before")
    first.kill()
    other.tell("save", "After")
    other.serves("After")
    assert other.tell("holds")


def test_what_was_read_before_a_freeze_is_not_written_after_it(shop):
    webs = [shop.web() for _ in range(2)]
    frozen, (other,) = holder(*webs)
    other.tell("save", "Old title")
    other.serves("Old title")
    frozen.tell("hold_writes")
    other.tell("save", "Old title", "Older title")
    assert frozen.tell("is_held")  # it read "Older title", and has not written it
    frozen.freeze()
    other.tell("save", "Older title", "New title")
    until(lambda: other.tell("holds"), "the other took over")
    other.serves("New title")
    frozen.wake()
    frozen.tell("let_go")
    for web in webs:
        web.serves("New title")
    time.sleep(1.0)
    for web in webs:
        assert web.tell("served") == ["New title"]


def test_a_worker_takes_over_from_a_web_process_and_gives_back_when_it_ends(shop):
    web = shop.web()
    holder(web)
    web.tell("save", "By the web")
    web.serves("By the web")
    worker = shop.worker()
    worker.says("holds the lease 'indexer'")
    assert not web.tell("holds")
    web.tell("save", "By the worker")
    web.serves("By the worker")
    until(lambda: web.tell("vectors") == 2, "vectors come from the worker")
    assert worker.stop() == 0
    assert "stopped in good order" in worker.said
    web.tell("save", "By the web again")
    web.serves("By the web again")
    assert web.tell("holds")
    assert "Traceback" not in worker.said + web.said


def test_a_worker_that_is_killed_leaves_nothing_half_done(shop):
    web, worker = shop.web(), shop.worker()
    worker.says("leads now")
    web.tell("bulk", 3_000, "Thing")
    until(lambda: len(web.tell("served") or ()) > 0, "the sweep began")
    worker.kill()
    second = shop.worker()
    until(lambda: len(web.tell("served") or ()) == 3_000, "everything is there", 90)
    until(lambda: web.tell("vectors") == 3_000, "everything is embedded", 90)
    assert len(set(web.tell("served"))) == 3_000
    assert second.stop() == 0
    assert not [path.name for path in (shop.folder / "host").iterdir() if path.name.startswith(".tmp")]


def test_orders_count_once_whoever_reads_them(shop):
    web = shop.web()
    for title in ("Cup", "Mug"):
        web.tell("save", title)
    web.serves("Cup", "Mug")
    for _ in range(3):
        web.tell("order", "Mug")
    first = shop.worker()
    first.says("leads now")
    until(lambda: web.tell("rows", "bestsellers")[:1] == ["Mug"], "orders are read")
    first.kill()
    web.tell("order", "Mug")
    second = shop.worker()
    second.says("holds the lease 'indexer'")
    web.tell("order", "Cup")
    until(lambda: web.tell("purchases") == 5, "later orders are read")
    assert second.stop(signal.SIGINT) == 0
    done = shop.manage("reco_sync", "--rebuild", "--no-progress")
    assert done.returncode == 0, done.stderr
    assert web.tell("purchases") == 5


def test_hosts_share_nothing_but_the_database(shop):
    workers = [shop.worker(host="one"), shop.worker(host="other")]
    webs = [shop.web(host="one"), shop.web(host="other")]
    webs[0].tell("bulk", 1_200, "Thing")
    for worker in workers:
        worker.says("built snapshot-")
    for web in webs:
        until(lambda web=web: len(web.tell("served") or ()) == 1_200, "each host has everything", 60)
        until(lambda web=web: web.tell("base") is not None, "each host maps a snapshot of its own")
    leaders = [worker for worker in workers if "this worker leads now" in worker.said]
    assert len(leaders) == 1
    other = shop.folder / "other"
    shutil.rmtree(other.rename(shop.folder / "gone"))  # at once: somebody may be building in it
    until(lambda: any((shop.folder / "other").glob("snapshot-*")), "what was removed is made again")
    until(lambda: webs[1].tell("base") in {path.name for path in (shop.folder / "other").iterdir()}, "and taken over")
    leaders[0].kill()
    webs[1].tell("save", "Late")
    for web in webs:
        web.serves("Late")


def test_sync_indexes_alone_and_leaves_it_to_a_worker_that_lives(shop):
    web = shop.web()
    holder(web)
    web.tell("save", "Kettle")
    done = shop.manage("reco_sync", "--no-progress")
    assert done.returncode == 0, done.stderr
    assert "snapshot 1 items" in done.stdout
    until(lambda: web.tell("holds"), "the web process has the lease again")
    worker = shop.worker()
    worker.says("holds the lease 'indexer'")
    web.tell("save", "Teapot")
    web.serves("Teapot")
    done = shop.manage("reco_sync", "--no-progress", "--rebuild")
    assert done.returncode == 0, done.stderr
    assert f":{worker.process.pid}:" in done.stdout
    assert "snapshot 2 items" in done.stdout


def test_once_and_dry_run(shop):
    shop.web().tell("bulk", 5, "Thing")
    done = shop.manage("reco_worker", "--dry-run")
    assert "5 would be new" in done.stdout, done.stderr
    assert "would be built" not in done.stdout  # of nothing: the items are not stored yet
    done = shop.manage("reco_worker", "--once")
    assert done.returncode == 0, done.stderr
    assert "5 embedded" in done.stdout
    assert "snapshot built" in done.stdout
    done = shop.manage("reco_worker", "--once", "-v0")
    assert "0 new, 0 changed" in done.stdout
    assert "good enough" in done.stdout
    worker = shop.worker()
    worker.says("leads now")
    done = shop.manage("reco_worker", "--once")
    assert done.returncode == 1
    assert f":{worker.process.pid}:" in done.stderr


def get(url):
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310  our own loopback address
        return answer.read().decode()


def test_health_says_what_it_does(shop):
    worker = shop.worker("--health", "127.0.0.1:0")
    worker.says("/healthz")
    base = next(word.removesuffix("/healthz,") for word in worker.said.split() if word.endswith("/healthz,"))
    worker.says("holds the lease 'indexer'")
    assert json.loads(get(f"{base}/healthz")) == {"status": "ok", "problems": []}
    shop.web().tell("save", "Kettle")
    until(lambda: "reco_embedded_total 1\n" in get(f"{base}/metrics"), "it is embedded")
    figures = get(f"{base}/metrics")
    assert "reco_worker_leads 1\n" in figures
    assert "reco_worker_indexes 1\n" in figures
    assert "reco_marks_pending 0\n" in figures


def test_help_says_what_it_is_for():
    done = subprocess.run(
        [sys.executable, str(MANAGE), "reco_worker", "--help"], cwd=ROOT, capture_output=True, text=True, check=True,
        env={"SHOP_DATABASE": "{}", "DJANGO_SETTINGS_MODULE": "tests.servers.shop.settings", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert "Run one on each host" in done.stdout.replace("\n", " ")
    for option in ("--once", "--dry-run", "--health"):
        assert option in done.stdout
