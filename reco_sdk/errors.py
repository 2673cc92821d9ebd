"""Every error this package raises on purpose.

::

    RecoError
    ├── ConfigError            a setting that cannot work; names the setting and the mend
    ├── InvalidInput           something the caller passed; names the field and the mend
    │   ├── InvalidItem        … in an item; carries ``item_id`` and ``field``
    │   ├── InvalidInteraction … in an interaction
    │   ├── InvalidRequest     … in a request for recommendations
    │   ├── InvalidExpression  … in a filter expression; carries ``position``
    │   └── InvalidRule        … in a merchandising rule; carries ``rule_id``
    ├── UnknownItem            a seed that is not (or no longer) in the catalogue
    ├── AlreadyRunning         another process does this alone; names it
    ├── LeaseLost              somebody else holds the lease now; nothing was written
    ├── StoreError             the store cannot do it now
    │   ├── StoreUnavailable   it cannot be reached, or is too busy: the same may work later
    │   ├── StoreTooNew        written by a newer release than this one
    │   └── MigrationError     the schema is not what the ledger says
    ├── SnapshotError          a snapshot cannot be read or written
    │   ├── SnapshotCorrupt    a checksum, shape or version does not hold
    │   └── BuildInProgress    another process holds the build lock
    ├── EmbeddingError         text could not be turned into vectors
    │   └── ModelNotFound      the model's folder or name is missing
    ├── VectorIndexError       an index refused vectors, ``k`` or a mask
    ├── MissingExtra           an optional dependency is not installed; names the pip line
    ├── ImportRefused          a file of items or interactions cannot be read at all
    ├── TrainingFailed         the process that trains ended without a word; what serves goes on
    ├── Leakage                an evaluation would show a model what it is asked for; nothing was measured
    └── NotRunning             the recommender was not opened, or is closed

Each keeps its cause (``raise … from``) and says what to do about it.
"""

from __future__ import annotations

__all__ = [
    "AlreadyRunning",
    "BuildInProgress",
    "ConfigError",
    "EmbeddingError",
    "ImportRefused",
    "InvalidExpression",
    "InvalidInput",
    "InvalidInteraction",
    "InvalidItem",
    "InvalidRequest",
    "InvalidRule",
    "Leakage",
    "LeaseLost",
    "MigrationError",
    "MissingExtra",
    "ModelNotFound",
    "NotRunning",
    "RecoError",
    "SnapshotCorrupt",
    "SnapshotError",
    "StoreError",
    "StoreTooNew",
    "StoreUnavailable",
    "TrainingFailed",
    "UnknownItem",
    "VectorIndexError",
]


class RecoError(Exception):
    """Base class of every error raised by ``reco_sdk`` and ``django_reco``."""


class ConfigError(RecoError):
    """A setting that cannot work."""


class InvalidInput(RecoError, ValueError):
    """Something the caller passed cannot be accepted.

    Parameters
    ----------
    field
        Name of the field at fault.
    reason
        What is wrong with it, and what would be right.
    subject
        What the field belongs to, for example ``"item 'sku-1'"``.
    """

    def __init__(self, field: str, reason: str, *, subject: str = "") -> None:
        self.field = field
        self.reason = reason
        self.subject = subject
        super().__init__(f"{subject}: {field}: {reason}" if subject else f"{field}: {reason}")


class InvalidItem(InvalidInput):
    """An item that cannot be stored; nothing of its batch was stored."""

    def __init__(self, item_id: str | None, field: str, reason: str) -> None:
        self.item_id = item_id
        super().__init__(field, reason, subject=f"item {item_id!r}")


class InvalidInteraction(InvalidInput):
    """An interaction that cannot be recorded."""


class InvalidRequest(InvalidInput):
    """A request for recommendations that cannot be answered as asked."""


class InvalidExpression(InvalidInput):
    """A filter expression that cannot be read, or makes no sense.

    Parameters
    ----------
    position
        Of the character at fault, from 0.
    reason
        What is wrong there, and what would be right.
    """

    def __init__(self, position: int, reason: str, *, field: str = "where") -> None:
        self.position = position
        super().__init__(field, f"at character {position + 1}: {reason}")


class InvalidRule(InvalidInput):
    """A merchandising rule that cannot be."""

    def __init__(self, rule_id: str | None, field: str, reason: str) -> None:
        self.rule_id = rule_id
        super().__init__(field, reason, subject=f"rule {rule_id!r}")


class UnknownItem(RecoError, LookupError):
    """The seed is not in the catalogue (any more)."""

    def __init__(self, item_id: str) -> None:
        self.item_id = item_id
        super().__init__(f"no item {item_id!r} in the catalogue; it was never stored, or was deleted")


class AlreadyRunning(RecoError):
    """Another process does alone what was asked for; the message names it."""


class LeaseLost(RecoError):
    """Somebody else holds the lease now; nothing was written. Acquire it again, and begin anew from the store."""


class StoreError(RecoError):
    """The store cannot do what was asked now."""


class StoreUnavailable(StoreError):
    """The store cannot be reached or is too busy now; the same may work later."""


class StoreTooNew(StoreError):
    """The store was written by a newer release; upgrade this one."""


class MigrationError(StoreError):
    """The schema and its ledger disagree, or a migration failed."""


class SnapshotError(RecoError):
    """A snapshot cannot be read or written."""


class SnapshotCorrupt(SnapshotError):
    """A checksum, shape or version in the snapshot does not hold."""


class BuildInProgress(SnapshotError):
    """Another process is building a snapshot in the same folder."""


class EmbeddingError(RecoError):
    """Text could not be turned into vectors."""


class ModelNotFound(EmbeddingError):
    """The model's folder or name is missing."""


class VectorIndexError(RecoError, ValueError):
    """An index refused vectors, ``k`` or a mask."""


class MissingExtra(RecoError, ImportError):
    """An optional dependency is not installed.

    Parameters
    ----------
    package
        The distribution that is missing.
    extra
        The extra of this package that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(f"{package} is not installed; run: pip install 'reco-sdk[{extra}]'")


class ImportRefused(RecoError):
    """A file of items or interactions cannot be read at all."""


class TrainingFailed(RecoError):
    """The process that trains ended before it said what it came to; what served goes on."""


class Leakage(RecoError):
    """An evaluation would show a model what it is asked for, or what came after."""


class NotRunning(RecoError):
    """The recommender was not opened, or is closed."""
