"""What a process recorded and did not write is known after it was killed: never less than what was lost."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reco_sdk.interactions import counts as module
from reco_sdk.interactions.counts import HostCounts, Lost, counts_folder
from reco_sdk.interactions.recorder import Recorder, class_of
from tests.core.support import act, purchase, recommender, view

ROOT = Path(__file__).parents[2]


class Pages:
    """Recorders with a page each, as the processes of one host have them."""

    def __init__(self, folder):
        self.folder = folder
        self.fails = False

    async def write(self, batch):
        if self.fails:
            raise OSError("no store")

    def open(self, limit=100):
        recorder = Recorder(self.write, 3600, limit, sort=class_of)
        pages = HostCounts(self.folder, recorder.counted)
        pages.open()
        return recorder, pages

    def kill(self, pages):
        """Let go of a page as the system does when its process is killed."""
        pages._forget()


@pytest.fixture
def host(tmp_path):
    return Pages(tmp_path / "counts")


async def test_the_processes_of_a_host_are_counted_together(host):
    one, pages = host.open()
    other, others = host.open(limit=2)
    one.add([view("a"), purchase("b")])
    await one.flush()
    other.add([view("a"), view("b"), act("add_to_cart", "c")])
    for reader in (pages, others):
        running, lost = reader.read()
        assert (running.accepted, running.written) == (5, 2)
        assert running.dropped == {"views": 1, "carts": 0, "purchases": 0}
        assert running.at_risk == {"views": 1, "carts": 1, "purchases": 0}
        assert lost == Lost()
    assert one.counts.accepted == 2
    pages.close()
    others.close()


async def test_what_a_killed_process_had_not_written_is_found_by_the_next(host):
    one, pages = host.open(limit=3)
    one.add([view("a"), view("b")])
    await one.flush()
    one.add([view("c"), view("d"), view("e"), purchase("f")])
    host.kill(pages)
    assert one.counts.at_risk["views"] == 2  # whoever still holds the recorder goes on counting
    _, others = host.open()
    running, lost = others.read()
    assert running.accepted == 0
    assert lost.processes == 1
    assert lost.at_risk == {"views": 2, "carts": 0, "purchases": 1}
    assert lost.dropped == {"views": 1, "carts": 0, "purchases": 0}
    assert lost.last_at > 0
    another, pages = host.open()
    another.add([act("dismiss", "g")])
    host.kill(pages)
    others.close()
    _, lost = HostCounts(host.folder, Recorder(host.write, 1, 1, sort=class_of).counted).read()
    assert (lost.processes, lost.at_risk) == (2, {"views": 2, "carts": 1, "purchases": 1})


async def test_a_clean_end_leaves_nothing(host):
    one, pages = host.open()
    one.add([view("a")])
    await one.aclose()
    pages.close()
    pages.close()
    assert not host.folder.exists()
    assert one.counts.written == 1


async def test_an_end_without_a_store_leaves_a_note(host, caplog):
    one, pages = host.open()
    one.add([view("a"), purchase("b")])
    host.fails = True
    await one.aclose()
    pages.close()
    _, lost = pages.read()
    assert (lost.processes, lost.at_risk) == (1, {"views": 1, "carts": 0, "purchases": 1})


async def test_a_folder_that_goes_takes_nothing_with_it_but_the_note(host):
    one, pages = host.open()
    for path in host.folder.iterdir():
        path.unlink()
    host.folder.rmdir()
    one.add([view("a")])
    assert pages.read()[0].accepted == 1
    _, others = host.open()
    pages.close()
    others.close()
    assert not host.folder.exists()


def test_a_damaged_note_is_begun_anew(host):
    host.folder.mkdir()
    (host.folder / "ended.json").write_text("{")
    _, pages = host.open()
    assert pages.read()[1] == Lost()
    (host.folder / f"1-00{module._PAGE}").write_bytes(b"short")
    assert pages.read()[1] == Lost()
    pages.close()


def test_a_folder_of_another_account_is_not_used(host, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(PermissionError, match="belongs to another account"):
        host.open()


def test_a_link_is_not_followed(host, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    host.folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="counts"):
        host.open()


def test_the_folder_is_of_one_state_folder_and_account(tmp_path, monkeypatch):
    assert counts_folder(tmp_path / "a") != counts_folder(tmp_path / "b")
    monkeypatch.chdir(tmp_path)
    assert counts_folder(Path("a")) == counts_folder(tmp_path / "a")
    assert str(os.getuid()) in counts_folder(tmp_path).name
    monkeypatch.setattr(module, "MEMORY", tmp_path / "not there")
    assert counts_folder(tmp_path / "a") == tmp_path / "a" / "counts"


def test_many_come_and_go_at_once(host):
    errors = []

    def work():
        try:
            for n in range(40):
                recorder, pages = host.open()
                recorder.add([view(str(n))])
                pages.read()
                pages.close()
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    _, lost = HostCounts(host.folder, Recorder(host.write, 1, 1, sort=class_of).counted).read()
    assert (lost.processes, lost.at_risk["views"]) == (160, 160)


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """Pages beside the shop, so that nothing is left in the memory of the machine."""
    monkeypatch.setattr(module, "MEMORY", tmp_path / "not there")
    return f"sqlite:///{tmp_path}/shop.sqlite3"


async def test_doctor_tells_of_all_processes(memory):
    async with recommender(memory) as one, recommender(memory) as other:
        await one.record(view("a"))
        await other.record(view("b"))
        await other.flush()
        found = (await one.doctor()).facts["recorder"]
        assert (found["accepted"], found["written"], found["pending"]) == (2, 1, 1)
        assert found["at_risk"] == {"views": 1, "carts": 0, "purchases": 0}
        assert found["lost"]["processes"] == 0
        json.dumps(found)


async def test_without_a_page_it_records_all_the_same(memory, tmp_path, caplog):
    (tmp_path / "shop.sqlite3.state").mkdir()
    (tmp_path / "shop.sqlite3.state" / "counts").write_text("no folder")
    async with recommender(memory) as reco:
        await reco.record(view("a"))
        await reco.flush()
        assert (await reco.doctor()).facts["recorder"]["written"] == 1
    assert "is not counted" in caplog.text


VICTIM = """
import os, sys, threading
from pathlib import Path
from reco_sdk import Interaction, Recommender
from reco_sdk.interactions import counts
counts.MEMORY = Path("/not there")
with Recommender.open_blocking(sys.argv[1], model="hashing", flush_interval_seconds=0.05, poll_interval_seconds=3600) as reco:
    if sys.argv[2] == "fork" and os.fork() == 0:
        os.close(1)
        sys.stdin.read()  # lives on, and holds nothing of its parent's
        os._exit(0)
    reco.record(Interaction.view_item("boots", visitor_id="first"))
    reco.flush()
    for n in range(1_000_000):
        reco.record(Interaction.view_item("boots", visitor_id=f"v{n}", event_id=f"{os.getpid()}-{n}"))
        sys.stdout.write(f"{n + 1}\\n")
        sys.stdout.flush()
"""


def acknowledged_by(victim, enough):
    """Return how many views a process said it had recorded, until it was killed in the midst of it."""
    for n, _ in enumerate(victim.stdout):
        if n == enough:
            os.kill(victim.pid, signal.SIGKILL)
            break
    # The last line may be half a line.
    rest = victim.stdout.read().splitlines()[:-1]
    victim.wait(30)
    return max(enough, *map(int, rest)) if rest else enough


@pytest.mark.parametrize("way", ["plain", "fork"])
def test_after_kill_9_the_bound_holds(memory, way):
    """Each view that was acknowledged is in the store, or counted as lost."""
    command = [sys.executable, "-c", VICTIM, memory, way]
    acknowledged = 0
    victims = []
    for enough in (10_000, 12_000, 14_000):
        victims.append(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        acknowledged += acknowledged_by(victims[-1], enough)

    async def look():
        async with recommender(memory) as reco:
            return (await reco.doctor()).facts

    facts = asyncio.run(look())
    lost, stored = facts["recorder"]["lost"], facts["interactions"]["view_item"]
    assert lost["processes"] == 3
    assert acknowledged - stored <= lost["at_risk"]["views"] + lost["dropped"]["views"]
    for victim in victims:
        victim.stdin.close()
        victim.stdout.close()
