"""The shop that all hosts serve, over one database."""

from typing import Any

import psycopg

from tests.servers.databases import PostgresShop


class ChaosShop(PostgresShop):
    """With the settings of this folder."""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings"}

    def make_tables(self) -> None:
        for tables in ([], ["--run-syncdb"]):  # the shop's own refer to those of the accounts
            self.manage("migrate", "--verbosity", "0", *tables)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as database:
            return database.execute(query).fetchall()
