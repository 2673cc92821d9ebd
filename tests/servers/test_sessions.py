"""A visitor goes from worker to worker, and each knows at once what was looked at in the one before."""

from concurrent.futures import ThreadPoolExecutor

from tests.servers.documented import commands, runnable
from tests.servers.lifecycle import NEWEST, titles
from tests.servers.running import ASKED_AT_ONCE

WORKERS = 3
RECENT = "/reco/recommend/?strategy=recently_viewed&n=10"
VIEWS = "SELECT count(*) FROM reco_interaction WHERE kind = 'view_item'"


def looks_at(server, *pages):
    """Let a new visitor look at products, and return the browser's cookies and the workers that know of it."""
    cookies, knowing = {"consent": "yes"}, set()
    for page in pages:
        answer = server.page(page, cookies=cookies)
        cookies |= answer.cookies
        knowing.add(answer.process)
    return cookies, knowing


def reminders(server, cookies, processes):
    """Ask until each process has answered, and return what each said when it was asked first."""
    first = {}

    def ask(_):
        answer = server.page(RECENT, cookies=cookies)
        first.setdefault(answer.process, titles(answer.body))

    def everywhere():
        with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
            list(pool.map(ask, range(ASKED_AT_ONCE)))
        return processes <= set(first)

    server.until(everywhere, f"an answer of each of {processes}")
    return {process: first[process] for process in processes}


def test_the_next_worker_knows_what_was_looked_at(shop, start):
    """Nothing is written before the end: the store cannot have told."""
    server = start(runnable(commands("gunicorn")[0], "--workers", str(WORKERS), "--bind", "127.0.0.1:{port}"), shop)
    processes = server.every_worker(WORKERS, NEWEST, lambda body: len(titles(body)) == 12, "rows")

    cookies, _ = looks_at(server, "/p/1/")
    assert reminders(server, cookies, processes) == {process: {"Linen summer dress A"} for process in processes}
    cookies |= server.page("/p/7/", cookies=cookies).cookies
    both = {"Linen summer dress A", "Ceramic coffee mug A"}
    assert reminders(server, cookies, processes) == dict.fromkeys(processes, both)

    alone, knowing = looks_at(server, "/p/2/")
    del alone["reco_session"]
    others = processes - knowing
    assert reminders(server, alone, others) == {process: set() for process in others}

    assert shop.value(VIEWS) == 0
    server.stop()
    assert shop.value(VIEWS) == 3
