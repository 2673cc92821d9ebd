"""Background threads, as themselves and where gevent has patched the process."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reco_sdk.threads import BackgroundThread

ROOT = Path(__file__).parents[2]


def test_it_knows_itself_and_its_end():
    asked, go = [], threading.Event()

    def work():
        go.wait(10)
        asked.append((thread.is_current, threading.current_thread().name, threading.current_thread().daemon))

    thread = BackgroundThread(work, "worker")
    assert thread.join(10) is True
    thread.start()
    assert not thread.is_current
    assert thread.join(0.01) is False
    go.set()
    assert thread.join(10) is True
    assert asked == [(True, "worker", True)]


def test_a_failure_is_an_end_too(monkeypatch):
    failed = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    thread = BackgroundThread(lambda: 1 / 0, "worker")
    thread.start()
    assert thread.join(10) is True


PATCH = "from gevent import monkey; monkey.patch_all()\nimport asyncio, threading, time, gevent\n"

BUSY = """
from reco_sdk.threads import BackgroundThread
told = []
def work():
    while not told: pass  # never lets another greenlet of its own thread go on
thread = BackgroundThread(work, "worker")
thread.start()
gevent.spawn(told.append, True).join()
assert thread.join(10) and not thread.is_current
"""

LOOP = """
from reco_sdk.blocking import LoopThread
loop = LoopThread()
async def answer(n):
    await asyncio.sleep(0.001)
    return await asyncio.to_thread(lambda: n)
assert [job.get() for job in [gevent.spawn(loop.run, answer(n)) for n in range(20)]] == list(range(20))
async def where():
    return asyncio.get_running_loop()
assert loop.run(where()) is loop.loop
seen, go = threading.Event(), threading.Event()
async def long():
    seen.set()
    while not go.is_set():
        await asyncio.sleep(0.001)
waits = gevent.spawn(loop.run, long())
assert seen.wait(10)
try:
    asyncio.get_running_loop()
except RuntimeError:
    pass  # a page is on no loop, whatever runs beside it
else:
    raise AssertionError("the page sees the recommender's loop")
go.set()
waits.join()
loop.stop()
"""

ALONE = """
from reco_sdk.threads import BackgroundThread
sleep = monkey.get_original("time", "sleep")
thread = BackgroundThread(lambda: sleep(0.1), "worker")
thread.start()
assert thread.join()  # with nothing else to do, gevent would call this a deadlock
"""


@pytest.mark.parametrize("code", [BUSY, LOOP, ALONE], ids=["busy", "loop", "alone"])
def test_under_gevent(code):
    pytest.importorskip("gevent")
    command = [sys.executable, "-W", "error", "-c", PATCH + code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
