"""Vectors in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from reco_sdk.storage import rows
from reco_sdk.storage.postgres.part import PostgresPart
from reco_sdk.storage.queries import load_queries
from reco_sdk.types import Vector

__all__ = ["PostgresVectors"]

_SQL: Final = load_queries("postgres/vectors.sql")


class PostgresVectors(PostgresPart):
    """A :class:`~reco_sdk.ports.VectorStore`."""

    async def get_vectors(self, fingerprint: str, text_hashes: Sequence[str]) -> dict[str, Vector]:
        """Return the vectors that are stored, by text hash; read-only arrays."""
        keys = rows.storable_keys(text_hashes)
        found = await self._read(
            _SQL["vectors"], fingerprint, keys, decode=lambda row: (row[0], rows.vector_from_blob(row[0], row[1]))
        )
        return dict(found)

    async def put_vectors(self, fingerprint: str, vectors: Mapping[str, Vector]) -> None:
        """Store finite float32 vectors of one dimension; what is stored already is kept.

        Raises
        ------
        StoreError
            For NaN or infinite values, or a dimension that differs from what the fingerprint has.
        """
        rows.check_text("fingerprint", fingerprint)
        batch = dict(vectors)
        if not batch:
            return
        matrix = rows.vector_matrix(batch)
        # In order, so that two who store the same vectors wait for each other in one direction only.
        entries = sorted(zip(batch, matrix, strict=True), key=lambda entry: entry[0])
        async with self._pool.transaction() as db:
            dimension = await db.fetchval(_SQL["dimension"], fingerprint)
            if dimension is None:
                await db.execute(_SQL["lock_model"], fingerprint)
                dimension = await db.fetchval(_SQL["dimension"], fingerprint)
            if dimension is not None:
                rows.check_dimension(next(iter(batch)), matrix.shape[1], dimension)
            await db.execute(
                _SQL["put_vectors"],
                fingerprint,
                matrix.shape[1],
                [key for key, _ in entries],
                [row.tobytes() for _, row in entries],
            )

    async def vector_count(self, fingerprint: str) -> int:
        """Return how many vectors of this model are stored."""
        return await self._value(_SQL["vector_count"], fingerprint)

    async def prune_vectors(self, keep_fingerprints: Sequence[str]) -> int:
        """Delete vectors of every other model; return how many."""
        return await self._execute(_SQL["prune_vectors"], rows.storable_keys(keep_fingerprints))
