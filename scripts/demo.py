"""Prepare an example shop and serve it, or visit its pages and leave.

    .venv/bin/python scripts/demo.py            the shop on http://127.0.0.1:8000, until Ctrl-C
    .venv/bin/python scripts/demo.py --check    visit the pages, print the slates, save screenshots, leave
    .venv/bin/python scripts/demo.py --db postgres    on PostgreSQL, with three gunicorn workers and a worker process
    .venv/bin/python scripts/demo.py --shop oscar     the bookshop over django-oscar instead of the gift shop

PostgreSQL is that of RECO_TEST_DSN, or one that is started for the demo and ends with it. All that it writes lies in
``.demo/``. Nothing is fetched: the catalogue is in the repository, the model in a package.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / ".demo"
ADDRESS = "127.0.0.1:8000"
WORKERS = 3
ENDING = (signal.SIGINT, signal.SIGTERM)


class Shop(NamedTuple):
    """An example: its folder, the variable that names where it writes, the place, and the command that loads it."""

    folder: Path
    variable: str
    var: Path
    load: str


GIFTSHOP = Shop(ROOT / "examples" / "giftshop", "GIFTSHOP_VAR", DEMO, "load_shop")
SHOPS = {"giftshop": GIFTSHOP, "oscar": Shop(ROOT / "examples" / "oscar", "BOOKSHOP_VAR", DEMO / "oscar", "load_books")}


def say(text: str) -> None:
    print(f"demo: {text}", flush=True)


def environment(shop: Shop) -> dict[str, str]:
    """Return the variables that the shop runs with; what is set already is kept."""
    defaults = {
        shop.variable: str(shop.var),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONUNBUFFERED": "1",
    }
    return {**defaults, **os.environ}


def manage(shop: Shop, *arguments: str) -> None:
    """Run one command of the shop; leave when it fails."""
    done = subprocess.run([sys.executable, "manage.py", *arguments], check=False, cwd=shop.folder, env=environment(shop))
    if done.returncode:
        sys.exit(f"demo: `manage.py {' '.join(arguments)}` failed (exit {done.returncode})")


def prepare(shop: Shop) -> None:
    shop.var.mkdir(parents=True, exist_ok=True)
    steps = {
        "migrate": "creating the database",
        shop.load: "loading catalogue and orders",
        "reco_sync": "embedding the catalogue and building the snapshot",
        "reco_train": "learning from the orders how to rank",
    }
    for command, purpose in steps.items():
        say(purpose)
        started = time.monotonic()
        manage(shop, command)
        say(f"{command} took {time.monotonic() - started:.1f} s")


def find_chromium() -> str:
    answer = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "chromium.py")], check=False, stdout=subprocess.PIPE, text=True
    )
    if answer.returncode:
        sys.exit(answer.returncode)
    return answer.stdout.strip()


def check(shop: Shop) -> int:
    """Visit the pages with a real browser; return the exit status."""
    screenshots = shop.var / "screenshots"
    command = [sys.executable, "check.py", "--screenshots", str(screenshots)]
    done = subprocess.run(command, check=False, cwd=shop.folder, env={**environment(shop), "CHROMIUM": find_chromium()})
    say(f"screenshots are in {screenshots.relative_to(ROOT)}/" if done.returncode == 0 else "the check FAILED")
    return done.returncode


def serve(shop: Shop) -> int:
    """Serve with the development server until Ctrl-C; does not return."""
    say(f"the shop is on http://{ADDRESS} (Ctrl-C ends it)")
    os.chdir(shop.folder)
    os.execve(sys.executable, [sys.executable, "manage.py", "runserver", "--noreload", ADDRESS], environment(shop))  # noqa: S606


def serve_as_in_earnest() -> int:
    """Serve with three gunicorn workers, and a worker process that embeds and builds; until Ctrl-C or until one of them ends."""
    gunicorn = ["gunicorn", "giftshop.wsgi", "-w", str(WORKERS), "-b", ADDRESS, "--no-control-socket"]
    commands = {"gunicorn": ["-m", *gunicorn], "reco_worker": ["manage.py", "reco_worker"]}
    # Each in a group of its own, which Ctrl-C does not reach: told twice to end, a worker ends at once.
    running = {
        name: subprocess.Popen([sys.executable, *command], cwd=GIFTSHOP.folder, env=environment(GIFTSHOP), process_group=0)
        for name, command in commands.items()
    }
    say(f"the shop is on http://{ADDRESS}: {WORKERS} gunicorn workers and a reco_worker over PostgreSQL (Ctrl-C ends it)")
    try:
        while all(process.poll() is None for process in running.values()):
            time.sleep(0.5)
        ended = next(name for name, process in running.items() if process.poll() is not None)
        say(f"{ended} ended with {running[ended].returncode}")
    except KeyboardInterrupt:
        return 0
    else:
        return 1
    finally:
        for number in ENDING:  # a second Ctrl-C must leave nothing behind
            signal.signal(number, signal.SIG_IGN)
        for process in running.values():
            process.send_signal(signal.SIGTERM)
        for process in running.values():
            process.wait()


@contextlib.contextmanager
def database(kind: str) -> Iterator[None]:
    """Have the shop's database there meanwhile."""
    if kind == "sqlite":
        yield
        return
    from postgres import databases  # noqa: PLC0415 - beside this file; needs a package that the plain demo does not

    with databases() as made:
        os.environ["GIFTSHOP_DATABASE"] = made.create()
        os.environ.setdefault("GIFTSHOP_VAR", str(DEMO / "postgres"))
        say("PostgreSQL is there")
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="visit the pages and leave instead of serving")
    parser.add_argument("--db", choices=["sqlite", "postgres"], default="sqlite", help="where the shop's data lies")
    parser.add_argument("--shop", choices=sorted(SHOPS), default="giftshop", help="which example")
    options = parser.parse_args()
    shop = SHOPS[options.shop]
    if options.db != "sqlite" and shop is not GIFTSHOP:
        parser.error("PostgreSQL is for the gift shop")
    for number in ENDING:
        signal.signal(number, _interrupt)
    try:
        with database(options.db):
            prepare(shop)
            if options.check:
                sys.exit(check(shop))
            sys.exit(serve(shop) if options.db == "sqlite" else serve_as_in_earnest())
    except KeyboardInterrupt:
        sys.exit("demo: ended before it was ready")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
