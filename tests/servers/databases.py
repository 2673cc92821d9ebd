"""The shop's database: filled once a session, a copy for each test."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import psycopg

from scripts.postgres import Databases, django_database

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


class Shop:
    """The shop over one database, its snapshots in a folder.

    Parameters
    ----------
    folder
        Its own.
    database
        As Django's ``DATABASES["default"]``.
    reco
        What ``settings.RECO`` says beside what the shop's settings say.
    """

    def __init__(self, folder: Path, database: dict[str, Any], **reco: Any) -> None:
        self.folder = folder
        self.database = database
        self.reco = {"STATE_DIR": str(folder / "state"), **reco}

    @property
    def environment(self) -> dict[str, str]:
        """What tells the shop's settings where its database is."""
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.servers.shop.settings",
            "SHOP_DATABASE": json.dumps(self.database),
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
        for tables in ([], ["--run-syncdb"]):  # the shop's own refer to those of the accounts
            self.manage("migrate", "--verbosity", "0", *tables)
        self.shell(FILL)
        self.manage("reco_sync")
        return self

    def value(self, query: str) -> Any:
        """Return the first value that a query finds."""
        raise NotImplementedError


class SqliteShop(Shop):
    """Everything in one file."""

    def __init__(self, folder: Path, **reco: Any) -> None:
        self.file = folder / "shop.sqlite3"
        options = {"transaction_mode": "IMMEDIATE", "timeout": 20}
        super().__init__(folder, {"ENGINE": "django.db.backends.sqlite3", "NAME": str(self.file), "OPTIONS": options}, **reco)

    def copy_to(self, folder: Path, **reco: Any) -> Self:
        """Return a copy. Nobody may be using this one."""
        shutil.copytree(self.folder, folder)
        return type(self)(folder, **reco)

    def value(self, query: str) -> Any:
        with closing(sqlite3.connect(self.file)) as database:
            return database.execute(query).fetchone()[0]

    def remove(self) -> None:
        """Leave it to the temporary folder."""


class PostgresShop(Shop):
    """The shop's tables and the recommender's in one PostgreSQL database."""

    def __init__(self, folder: Path, server: Databases, dsn: str, **reco: Any) -> None:
        self.server = server
        self.dsn = dsn
        super().__init__(folder, django_database(dsn), **reco)

    def copy_to(self, folder: Path, **reco: Any) -> Self:
        """Return a copy. Nobody may be using this one."""
        shutil.copytree(self.folder, folder)
        return type(self)(folder, self.server, self.server.create(self.dsn), **reco)

    def value(self, query: str) -> Any:
        with psycopg.connect(self.dsn) as database:
            found = database.execute(query).fetchone()
            return found[0] if found else None

    def remove(self) -> None:
        """Drop the database."""
        self.server.drop(self.dsn)
