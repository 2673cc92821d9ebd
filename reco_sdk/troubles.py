"""Troubles: what went wrong and was not mended since, for ``doctor`` and the logs."""

from __future__ import annotations

__all__ = ["Troubles"]


class Troubles:
    """The last error of each kind of work."""

    def __init__(self) -> None:
        self._by_work: dict[str, str] = {}

    def note(self, work: str, error: object) -> None:
        """Keep what went wrong with a kind of work, until it is mended."""
        self._by_work.pop(work, None)
        self._by_work[work] = str(error)

    def mended(self, *work: str) -> None:
        """Forget the troubles of these kinds of work."""
        for name in work:
            self._by_work.pop(name, None)

    def __contains__(self, work: object) -> bool:
        return work in self._by_work

    @property
    def all(self) -> tuple[str, ...]:
        """Every trouble, the latest last."""
        return tuple(self._by_work.values())

    @property
    def last(self) -> str | None:
        """The latest trouble; ``None`` when all is well."""
        return next(reversed(self._by_work.values()), None)
