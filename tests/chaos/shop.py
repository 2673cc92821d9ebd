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

    def for_sale(self) -> dict[int, int]:
        """Return what may be recommended, by the shop's own tables: price in cents by key."""
        return dict(self.rows("SELECT id, (price * 100)::int FROM plain_product WHERE is_active AND stock > 0"))
