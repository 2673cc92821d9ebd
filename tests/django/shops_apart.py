"""Whole shops for tests of several processes: on SQLite, or on PostgreSQL, with web processes and workers."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).resolve().parents[2]
MANAGE = ROOT / "tests" / "servers" / "manage.py"
QUICK = {"lease_seconds": 1.5}


def django_database(dsn):
    """Django's settings of the database that a URL names."""
    parts = urlsplit(dsn)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path[1:],
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        "HOST": parse_qs(parts.query).get("host", [parts.hostname or ""])[0],
        "PORT": str(parts.port or ""),
    }


def sqlite_database(file):
    options = {"transaction_mode": "IMMEDIATE", "timeout": 20}
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file), "OPTIONS": options}


def until(condition, what, seconds=30.0):
    """Wait for what other processes do; a busy machine may take its time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"in vain: {what}")


class Shop:
    """One shop: its database, and the processes that a test starts.

    Parameters
    ----------
    folder
        Of what they leave.
    database
        Django's settings of it.
    reco
        Further settings of the recommender.
    """

    def __init__(self, folder, database, **reco):
        self.folder = folder
        self.database = database
        self.reco = {"SWEEP_SECONDS": 300.0, "ORDERS_SECONDS": 0.5, "CONFIG": QUICK, **reco}
        self.started = []

    def environment(self, host="host", **reco):
        settings = {"STATE_DIR": str(self.folder / host), **self.reco, **reco}
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("RECO_")},
            "DJANGO_SETTINGS_MODULE": "tests.servers.shop.settings",
            "SHOP_DATABASE": json.dumps(self.database),
            "SHOP_RECO": json.dumps(settings),
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": "1",
        }

    def manage(self, *arguments, **reco):
        return subprocess.run(
            [sys.executable, "-W", "error", str(MANAGE), *arguments],
            cwd=ROOT, env=self.environment(**reco), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def web(self, host="host", **reco):
        """Start a process that serves pages."""
        made = Web(self, host, reco)
        self.started.append(made)
        return made

    def worker(self, *arguments, host="host", **reco):
        """Start ``manage.py reco_worker``."""
        made = Worker(self, arguments, host, reco)
        self.started.append(made)
        return made

    def close(self):
        for process in self.started:
            process.close()


class Process:
    """A started process, and what it said on standard error."""

    def __init__(self, shop, command, environment, **pipes):
        self.log = shop.folder / f"process-{len(shop.started)}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log, text=True, **pipes)

    @property
    def said(self):
        return self.log.read_text()

    def kill(self):
        """End it the hard way."""
        self.process.kill()
        self.process.wait()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def wake(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class Web(Process):
    """A process that serves, told line by line; see :mod:`tests.django.shop_process`."""

    def __init__(self, shop, host, reco):
        command = [sys.executable, "-W", "error", "-m", "tests.django.shop_process"]
        super().__init__(shop, command, shop.environment(host, **reco), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(self, name, *arguments):
        self.process.stdin.write(json.dumps([name, *arguments]) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self.said
        answer = json.loads(line)
        assert not (isinstance(answer, dict) and "error" in answer), (answer, self.said)
        return answer

    def serves(self, *titles):
        """Wait until each title is served here."""
        until(lambda: set(titles) <= set(self.tell("served") or ()), f"{titles} served; {self.said[-2_000:]}")

    def hides(self, *titles):
        """Wait until none of the titles is served here."""
        until(lambda: not set(titles) & set(self.tell("served") or titles), f"{titles} hidden; {self.said[-2_000:]}")


class Worker(Process):
    """``manage.py reco_worker``."""

    def __init__(self, shop, arguments, host, reco):
        command = [sys.executable, "-W", "error", str(MANAGE), "reco_worker", *arguments]
        super().__init__(shop, command, shop.environment(host, **reco))

    def says(self, text):
        until(lambda: text in self.said or self.process.poll() is not None, f"{text!r} said; {self.said[-2_000:]}")
        assert text in self.said, self.said

    def stop(self, number=signal.SIGTERM):
        """Ask it to end, and return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(40)
