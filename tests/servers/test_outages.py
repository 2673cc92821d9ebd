"""A shop's PostgreSQL goes away, comes back, slows down, takes no writes: pages go on from memory, and all heals by itself."""

import resource
import shutil
import sys
from urllib.parse import urlsplit, urlunsplit

import psutil
import pytest

from tests.chaos.disks import Disk
from tests.servers.databases import MANAGE, PostgresShop
from tests.servers.lifecycle import NEWEST, titles
from tests.servers.outages import Way, heals, look, says_little, shows_rows, stops, views

WORKERS = 2
LOOKS = 6
QUICK = {"flush_interval_seconds": 0.2, "lease_seconds": 1.5}
FULL_DISK_BYTES = 6_000
BEFORE_MIGRATING = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'reco\\_%' LOOP
        EXECUTE format('DROP TABLE IF EXISTS %I CASCADE', name);
    END LOOP;
END $$;
DELETE FROM django_migrations WHERE app = 'django_reco';
CREATE ROLE {role} LOGIN;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role};
ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO {role};
"""
ON_THE_TINY_DISK = """
TRUNCATE reco_interaction, reco_event;
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT indexrelid::regclass FROM pg_index WHERE indrelid = 'reco_event'::regclass LOOP
        EXECUTE format('ALTER INDEX %s SET TABLESPACE tiny', name);
    END LOOP;
END $$;
ALTER TABLE reco_event SET TABLESPACE tiny;
"""
GUNICORN = [sys.executable, "-m", "gunicorn", "tests.servers.shop.wsgi", "--no-control-socket", "--bind", "127.0.0.1:{port}"]


@pytest.fixture
def shop(postgres_filled, tmp_path):
    """A shop on PostgreSQL that writes soon what it records."""
    made = postgres_filled.copy_to(tmp_path / "shop", CONFIG=QUICK)
    yield made
    made.remove()


@pytest.fixture
def own_server(postgres_server):
    """The PostgreSQL itself; it runs again when the test is over."""
    if postgres_server.server is None:
        pytest.skip("the PostgreSQL is not our own to stop")
    yield postgres_server.server
    if postgres_server.server.pid is None:
        postgres_server.server.start()


@pytest.fixture
def serve(start):
    """Serve a shop with several workers, each of which shows its rows."""

    def serve(shop, *, rows=True):
        server = start([*GUNICORN, "--workers", str(WORKERS)], shop)
        if rows:
            server.every_worker(WORKERS, NEWEST, lambda body: len(titles(body)) == 12, "rows")
            for _ in range(4):
                server.every_worker(WORKERS, "/", lambda body: body.count("reco-card") >= 4, "rows at home")
        return server

    return serve


def admin(shop, statement):
    """Run a statement of the database's owner."""
    shop.server.run(statement, shop.server.dsn)


def end_sessions(shop, which="true"):
    admin(
        shop,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        f" WHERE datname = '{shop.database['NAME']}' AND pid <> pg_backend_pid() AND {which}",
    )


def comes(server, shop, count):
    """Wait until all that was recorded is stored; see that none is stored twice."""
    server.until(lambda: views(shop) >= count, f"{count} looks stored")
    if views(shop) != count:
        server.fail(f"{views(shop)} looks stored instead of {count}")


def test_sessions_ended_server_stopped_server_killed(shop, serve, own_server):
    shop.reco["MODE"] = "listen"
    server = serve(shop)
    breaks = (lambda: end_sessions(shop, "application_name LIKE 'reco%'"), own_server.stop, own_server.kill)
    for number, goes_wrong in enumerate(breaks, 1):
        goes_wrong()
        shows_rows(server, workers=WORKERS)
        look(server, LOOKS)
        if number > 1:
            own_server.start()
        heals(server, workers=WORKERS, name=f"After number {number}")
        comes(server, shop, number * LOOKS)
    says_little(server, outages=len(breaks))
    stops(server)


def test_down_when_it_starts_and_when_it_ends(shop, serve, own_server):
    own_server.stop()
    server = serve(shop, rows=False)
    for _ in range(12):
        assert "reco-card" not in server.page("/").body
        assert titles(server.page(NEWEST).body) == set()
    for texts in says_little(server).values():
        assert len(texts) == 1
        assert "could not start" in texts[0]
    own_server.start()
    server.every_worker(WORKERS, NEWEST, lambda body: len(titles(body)) == 12, "rows")
    look(server, LOOKS)
    comes(server, shop, LOOKS)
    heals(server, workers=WORKERS, name="After the start")
    own_server.stop()
    look(server, LOOKS)
    stops(server)
    assert server.said().count(" could not be written at close: ") >= 1  # what is lost then is said
    own_server.start()
    assert views(shop) == LOOKS


def test_read_only(shop, serve):
    server = serve(shop)
    look(server, LOOKS)
    comes(server, shop, LOOKS)
    for setting, count in (("on", LOOKS), ("off", 2 * LOOKS)):
        admin(shop, f"ALTER DATABASE {shop.database['NAME']} SET default_transaction_read_only = {setting}")
        end_sessions(shop)
        shows_rows(server, workers=WORKERS)
        if setting == "on":
            look(server, LOOKS)
            server.until(lambda: "could not be written" in server.said(), "it says that nothing can be written")
        assert views(shop) <= count
    comes(server, shop, 2 * LOOKS)
    heals(server, workers=WORKERS, name="Writable again")
    says_little(server, outages=2)  # the sessions were ended twice
    stops(server)


def test_slow_and_cut(shop, serve, tmp_path):
    with Way(shop.dsn, tmp_path) as way:
        far = PostgresShop(shop.folder, shop.server, shop.dsn, CONFIG=QUICK)
        far.database = {**far.database, "HOST": str(tmp_path)}
        server = serve(far)
        way.seconds = 0.01
        shows_rows(server, workers=WORKERS, count=8)
        look(server, LOOKS)
        comes(server, shop, LOOKS)
        heals(server, workers=WORKERS, name="Slowly")
        server.check_log()  # slow is nothing to complain of
        way.seconds = 0.0
        way.cut()
        shows_rows(server, workers=WORKERS)
        look(server, LOOKS)
        way.mend()
        comes(server, shop, 2 * LOOKS)
        heals(server, workers=WORKERS, name="After the cut")
        says_little(server)
        stops(server)


@pytest.fixture
def shop_beside(sqlite_filled, postgres_server, tmp_path):
    """A shop whose own database is a file, and its recommender's a PostgreSQL, reached through a socket in this test's folder."""
    dsn = postgres_server.create()
    far = urlunsplit(urlsplit(dsn)._replace(query=f"host={tmp_path}"))
    made = sqlite_filled.copy_to(tmp_path / "beside", CONFIG=QUICK, STORE=far, START_SECONDS=1.0)
    yield made, PostgresShop(made.folder, postgres_server, dsn)
    postgres_server.drop(dsn)


@pytest.mark.slow
def test_a_database_that_accepts_and_never_answers(shop_beside, serve, start, tmp_path):
    shop, beside = shop_beside
    with Way(beside.dsn, tmp_path) as way:
        shop.manage("reco_sync")
        way.hush()
        server = serve(shop, rows=False)
        for _ in range(8):
            assert "reco-card" not in server.page("/").body
        server.until(lambda: server.said().count("could not start") == WORKERS, "each says why it has no rows")
        way.speak()
        server.every_worker(WORKERS, NEWEST, lambda body: len(titles(body)) == 12, "rows")
        worker = start([sys.executable, str(MANAGE), "reco_worker"], shop, serves=False)
        worker.until(lambda: "this worker leads now" in worker.said(), "the worker leads")
        heals(server, workers=WORKERS, name="After the start")
        way.hush()
        shows_rows(server, workers=WORKERS)
        look(server, LOOKS)
        way.speak()
        comes(server, beside, LOOKS)
        heals(server, workers=WORKERS, name="It speaks again")
        way.hush()
        look(server, LOOKS)
        stops(worker, server)
        assert " could not be written at close: " in server.said()  # what is lost then is said
        says_little(server, outages=3)
    assert views(beside) == LOOKS


@pytest.fixture
def tiny_disk(postgres_server, own_server):
    """A small disk that PostgreSQL may keep tables on; asked for before the shop, and gone after it."""
    folder = own_server.folder / "tiny"
    folder.mkdir()
    disk = Disk(folder)
    try:
        if not disk.mounted:
            pytest.skip("no small disk may be mounted")
        shutil.chown(folder, own_server.folder.owner())
        postgres_server.run(f"CREATE TABLESPACE tiny LOCATION '{folder}'", postgres_server.dsn)
        yield disk
        postgres_server.run("DROP TABLESPACE tiny", postgres_server.dsn)
    finally:
        disk.remove()


def test_the_databases_own_disk_is_full(tiny_disk, shop, serve):
    shop.server.run(ON_THE_TINY_DISK, shop.dsn)
    server = serve(shop)
    with tiny_disk.full():
        look(server, LOOKS)
        server.until(lambda: "its disk is full" in server.said(), "it says that there is no room")
        shows_rows(server, workers=WORKERS)
        heals(server, workers=WORKERS, name="On a full disk")
        assert views(shop) == 0
    comes(server, shop, LOOKS)
    says_little(server)
    stops(server)


def vanishes(folder):
    """All at once: somebody may be building in it."""
    shutil.rmtree(folder.rename(folder.with_name(f"{folder.name}-gone")))


def test_the_snapshot_folder_is_gone_and_the_disk_is_full(shop, serve):
    server = serve(shop)
    state = shop.folder / "state"
    vanishes(state)
    shows_rows(server, workers=WORKERS)
    server.until(lambda: any(state.glob("snapshot-*")), "it is made again")
    for process in server.own_processes():
        process.rlimit(resource.RLIMIT_FSIZE, (FULL_DISK_BYTES, psutil.RLIM_INFINITY))
    vanishes(state)
    server.until(lambda: "no snapshot could be built" in server.said(), "it says that there is no room")
    shows_rows(server, workers=WORKERS)
    look(server, LOOKS)
    heals(server, workers=WORKERS, name="On a full disk")
    assert not list(state.glob("snapshot-*"))
    comes(server, shop, LOOKS)
    says_little(server)
    for process in server.own_processes():
        process.rlimit(resource.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
    shop.manage("reco_sync")
    heals(server, workers=WORKERS, name="With room again")
    stops(server)


def test_a_migration_is_pending(shop, serve):
    """The new release runs before ``migrate``, as a user who may change rows, and no tables."""
    owner = PostgresShop(shop.folder, shop.server, shop.dsn, **shop.reco)
    role = f"{shop.database['NAME']}_page"
    shop.server.run(BEFORE_MIGRATING.format(role=role), shop.dsn)
    try:
        shop.database = {**shop.database, "USER": role}
        server = serve(shop, rows=False)
        for _ in range(12):
            assert server.page("/").status == 200
            assert titles(server.page(NEWEST).body) == set()
        for texts in says_little(server).values():
            assert len(texts) == 1
            assert "migrate as the owner" in texts[0]
        owner.manage("migrate")
        owner.shell("from tests.django.shops.plain.models import Product\nfor one in Product.objects.all(): one.save()")
        server.every_worker(WORKERS, NEWEST, lambda body: len(titles(body)) == 12, "rows")
        look(server, LOOKS)
        comes(server, owner, LOOKS)
        stops(server)
    finally:
        server.end()
        shop.server.run(f"DROP OWNED BY {role}; DROP ROLE {role}", shop.dsn)
