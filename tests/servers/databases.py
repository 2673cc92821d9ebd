"""The shop's database: filled once a session, a copy for each test. Another kind of database is another class here."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
MANAGE = Path(__file__).resolve().parent / "manage.py"
COMMAND_SECONDS = 60

FILL = """
from decimal import Decimal
from tests.django.conftest import make_products
from tests.django.shops.plain.models import Order, OrderLine
products = make_products()
for product in products[:3]:
    OrderLine.objects.create(order=Order.objects.create(), product=product, price=Decimal(9))
"""


class SqliteDatabase:
    """The shop in one file, the recommender's tables and snapshots beside it."""

    def __init__(self, folder: Path, **reco: Any) -> None:
        self.folder = folder
        self.file = folder / "shop.sqlite3"
        self.reco = {"STATE_DIR": str(folder / "state"), **reco}

    @property
    def environment(self) -> dict[str, str]:
        """What tells the shop's settings where its database is."""
        options = {"transaction_mode": "IMMEDIATE", "timeout": 20}
        database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(self.file), "OPTIONS": options}
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.servers.shop.settings",
            "SHOP_DATABASE": json.dumps(database),
            "SHOP_RECO": json.dumps(self.reco),
            "PYTHONUNBUFFERED": "1",
        }

    def manage(self, *arguments: str) -> str:
        """Run a command of the shop in a process of its own and return what it said."""
        done = subprocess.run(
            [sys.executable, "-W", "error", str(MANAGE), *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"manage.py {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def shell(self, code: str) -> str:
        """Run Python in the shop's shell."""
        return self.manage("shell", "--no-imports", "-c", code)

    def fill(self) -> Self:
        """Make tables, products, orders, and the first snapshot."""
        self.manage("migrate", "--run-syncdb", "--verbosity", "0")
        self.shell(FILL)
        self.manage("reco_sync")
        return self

    def copy_to(self, folder: Path, **reco: Any) -> Self:
        """Return a copy of its own for a test. Nobody may be using this one."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return type(self)(folder, **reco)

    def value(self, query: str) -> Any:
        """Return the first value that a query finds."""
        with closing(sqlite3.connect(self.file)) as database:
            return database.execute(query).fetchone()[0]


KINDS = {"sqlite": SqliteDatabase}
