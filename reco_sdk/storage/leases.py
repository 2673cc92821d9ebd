"""Who holds a lease, and for how long: the rule that every store keeps."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reco_sdk.errors import InvalidInput, LeaseLost
from reco_sdk.ports import Lease
from reco_sdk.storage.rows import check_text

__all__ = ["LeaseRow", "check_lease_request", "fence", "lost"]

_MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """A row of ``reco_lease``, without its name; nobody holds it when ``holder`` is empty."""

    holder: str
    epoch: int
    renewed_at: int
    expires_at: int

    def is_held(self, now: int) -> bool:
        """Return whether somebody holds it; not when the clock stands before its last renewal, since it was put back then."""
        return bool(self.holder) and self.renewed_at <= now < self.expires_at

    def lease(self, name: str) -> Lease:
        """Return it as the port's answer."""
        return Lease(name, self.holder, self.epoch, self.expires_at / _MICROS)

    @staticmethod
    def grant(row: LeaseRow | None, holder: str, ttl_seconds: float, now: int) -> LeaseRow | None:
        """Return the row to store for ``holder``, ``None`` while somebody else holds it."""
        held = row is not None and row.is_held(now)
        if row is not None and held and row.holder != holder:
            return None
        epoch = 0 if row is None else row.epoch
        return LeaseRow(holder, epoch if held else epoch + 1, now, now + round(ttl_seconds * _MICROS))


def check_lease_request(name: str, holder: str, ttl_seconds: float) -> None:
    """Refuse what is no lease.

    Raises
    ------
    InvalidInput
        For an empty name or holder, or a time that is not above 0.
    """
    for field, value in (("name", name), ("holder", holder)):
        if not check_text(field, value):
            raise InvalidInput(field, "is empty; name the lease and who wants it")
    if not 0 < ttl_seconds < math.inf:
        raise InvalidInput("ttl_seconds", f"{ttl_seconds!r} is not a number of seconds above 0")


def fence(lease: Lease, row: LeaseRow | None) -> None:
    """Refuse a write whose lease has a new tenure.

    Raises
    ------
    LeaseLost
        When ``row`` does not show the same holder and epoch.
    """
    if row is None or (row.holder, row.epoch) != (lease.holder, lease.epoch):
        raise lost(lease)


def lost(lease: Lease) -> LeaseLost:
    """Return what to raise for a lease that has a new tenure."""
    return LeaseLost(
        f"{lease.holder!r} no longer holds the lease {lease.name!r} (epoch {lease.epoch}) and wrote nothing; "
        "acquire it again, and begin anew from the store"
    )
