"""Prepare the gift shop and serve it, or visit its pages and leave.

    .venv/bin/python scripts/demo.py            the shop on http://127.0.0.1:8000, until Ctrl-C
    .venv/bin/python scripts/demo.py --check    visit the pages, print the slates, save screenshots, leave

All that it writes lies in ``.demo/``. Nothing is fetched: the catalogue is in the repository, the model in a package.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHOP = ROOT / "examples" / "giftshop"
DEMO = ROOT / ".demo"
ADDRESS = "127.0.0.1:8000"
STEPS = {
    "migrate": "creating the database",
    "load_shop": "loading catalogue and orders",
    "reco_sync": "embedding the catalogue and building the snapshot",
}


def say(text: str) -> None:
    print(f"demo: {text}", flush=True)


def environment() -> dict[str, str]:
    """Return the variables that the shop runs with; what is set already is kept."""
    defaults = {
        "GIFTSHOP_VAR": str(DEMO),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONUNBUFFERED": "1",
    }
    return {**defaults, **os.environ}


def manage(*arguments: str) -> None:
    """Run one command of the shop; leave when it fails."""
    done = subprocess.run([sys.executable, "manage.py", *arguments], check=False, cwd=SHOP, env=environment())
    if done.returncode:
        sys.exit(f"demo: `manage.py {' '.join(arguments)}` failed (exit {done.returncode})")


def prepare() -> None:
    DEMO.mkdir(exist_ok=True)
    for command, purpose in STEPS.items():
        say(purpose)
        started = time.monotonic()
        manage(command)
        say(f"{command} took {time.monotonic() - started:.1f} s")


def find_chromium() -> str:
    answer = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "chromium.py")], check=False, stdout=subprocess.PIPE, text=True
    )
    if answer.returncode:
        sys.exit(answer.returncode)
    return answer.stdout.strip()


def check() -> int:
    """Visit the pages with a real browser; return the exit status."""
    screenshots = DEMO / "screenshots"
    command = [sys.executable, "check.py", "--screenshots", str(screenshots)]
    done = subprocess.run(command, check=False, cwd=SHOP, env={**environment(), "CHROMIUM": find_chromium()})
    say(f"screenshots are in {screenshots.relative_to(ROOT)}/" if done.returncode == 0 else "the check FAILED")
    return done.returncode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="visit the pages and leave instead of serving")
    checking = parser.parse_args().check
    prepare()
    if checking:
        sys.exit(check())
    say(f"the shop is on http://{ADDRESS} (Ctrl-C ends it)")
    os.chdir(SHOP)
    os.execve(sys.executable, [sys.executable, "manage.py", "runserver", "--noreload", ADDRESS], environment())  # noqa: S606


if __name__ == "__main__":
    main()
