"""The store in PostgreSQL, over asyncpg (which is imported when a store is opened)."""

from reco_sdk.storage.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
