"""Times as the stores keep them: whole microseconds since 1970-01-01 UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["SystemClock", "from_micros", "to_micros"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the time now, UTC."""
        return datetime.now(UTC)


def to_micros(at: datetime) -> int:
    """Return microseconds since the epoch, exactly; a naive time is read as UTC."""
    aware = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return (aware - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the UTC time that :func:`to_micros` was given."""
    return _EPOCH + timedelta(microseconds=micros)
