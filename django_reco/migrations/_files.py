"""How a migration here runs an SQL file: through the same ledger as ``reco migrate``, so that the two may alternate."""

from __future__ import annotations

from typing import Any, Final

from django.db import migrations

from reco_sdk.storage.schema import apply_to

__all__ = ["DIALECTS", "run_file"]

DIALECTS: Final = {"sqlite": "sqlite", "postgresql": "postgres"}


def run_file(name: str) -> migrations.RunPython:
    """Return the operation that applies an SQL file, and those before it that this database has passed over.

    On a database of another kind it does nothing: the store lives in a file of its own there (see ``STORE``).
    """

    def apply(_apps: Any, schema_editor: Any) -> None:
        connection = schema_editor.connection
        dialect = DIALECTS.get(connection.vendor)
        if dialect is not None:
            with connection.cursor() as cursor:
                apply_to(cursor, name, dialect=dialect, placeholder="%s")

    return migrations.RunPython(apply, _keep)


def _keep(_apps: Any, _schema_editor: Any) -> None:
    """Forward only: what was recorded is not thrown away by migrating back."""
