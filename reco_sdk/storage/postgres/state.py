"""Small named values and leases in PostgreSQL."""

from __future__ import annotations

from reco_sdk.ports import Lease
from reco_sdk.storage import rows
from reco_sdk.storage.leases import LeaseRow, check_lease_request
from reco_sdk.storage.postgres.part import STATE, PostgresPart

__all__ = ["PostgresState"]


class PostgresState(PostgresPart):
    """A :class:`~reco_sdk.ports.StateStore` and :class:`~reco_sdk.ports.LeaseStore`; leases go by the server's clock."""

    async def get_state(self, name: str) -> str | None:
        """Return the value, ``None`` when there is none."""
        if not rows.is_storable(name):
            return None
        found = await self._read(STATE["state"], name, decode=lambda row: str(row[0]))
        return found[0] if found else None

    async def put_state(self, name: str, value: str | None, *, lease: Lease | None = None) -> None:
        """Set the value, or delete it with ``None``; with a ``lease``, only while that is held."""
        rows.check_text("name", name)
        if value is None:
            await self._execute(STATE["delete_state"], name, lease=lease)
        else:
            await self._execute(STATE["put_state"], name, rows.check_text("value", value), self._now(), lease=lease)

    async def acquire_lease(self, name: str, holder: str, ttl_seconds: float) -> Lease | None:
        """Take a lease that is free or has expired, or prolong one's own; ``None`` while somebody else holds it."""
        check_lease_request(name, holder, ttl_seconds)
        async with self._pool.transaction() as db:
            row = await db.fetchrow(STATE["lock_lease"], name)
            if row is None:
                await db.execute(STATE["add_lease"], name)
                row = await db.fetchrow(STATE["lock_lease"], name)
            known = None if row is None else LeaseRow(*row)
            granted = LeaseRow.grant(known, holder, ttl_seconds, await db.fetchval(STATE["now"]))
            if granted is None:
                return None
            await db.execute(STATE["put_lease"], name, granted.holder, granted.epoch, granted.renewed_at, granted.expires_at)
        return granted.lease(name)

    async def release_lease(self, lease: Lease) -> None:
        """Let go of a lease; one that is lost already is left to its new holder."""
        await self._execute(STATE["release_lease"], lease.name, lease.holder, lease.epoch)

    async def get_lease(self, name: str) -> Lease | None:
        """Return who holds it now, ``None`` when nobody does."""
        if not rows.is_storable(name):
            return None
        async with self._pool.transaction(read_only=True) as db:
            row = await db.fetchrow(STATE["lease"], name)
            now = await db.fetchval(STATE["now"])
        known = None if row is None else LeaseRow(*row)
        return known.lease(name) if known is not None and known.is_held(now) else None
