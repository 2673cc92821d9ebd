"""Merchandising rules in memory and in SQLite, and what every store of them shares."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from reco_sdk.errors import InvalidInput
from reco_sdk.ports import Clock, RuleChange, StoredRule
from reco_sdk.storage import rows, schema
from reco_sdk.storage.signal import Signal
from reco_sdk.storage.times import from_micros, to_micros

__all__ = ["MemoryRules", "SqliteRules", "check_rule", "rule_change_of", "rules_of"]

T = TypeVar("T")


def check_rule(rule: StoredRule, by: str) -> None:
    """Refuse what no store keeps.

    Raises
    ------
    InvalidInput
        For an empty id, or text that a database cannot hold.
    """
    if not rule.rule_id:
        raise InvalidInput("rule_id", "is empty; give the rule an id")
    texts = {"rule_id": rule.rule_id, "action": rule.action, "note": rule.note, "data": rule.data, "by": by}
    for name, text in texts.items():
        rows.check_text(name, text)


def rules_of(found: Sequence[Sequence[Any]]) -> tuple[int, list[StoredRule]]:
    """Return the number of the last change and the rules, of rows that each begin with the number."""
    if not found:
        return 0, []
    return int(found[0][0]), [StoredRule(row[1], row[2], bool(row[3]), *row[4:]) for row in found if row[1] is not None]


def rule_change_of(row: Sequence[Any]) -> RuleChange:
    """Return the change that a row of the history holds."""
    version, rule_id, at, by, before, after = row
    return RuleChange(version, rule_id, from_micros(at), by, before, after)


class MemoryRules:
    """The rules of :class:`~reco_sdk.storage.memory.MemoryStore`."""

    _clock: Clock
    _signal: Signal

    def __init__(self) -> None:
        self._rules: dict[str, StoredRule] = {}
        self._rule_changes: list[RuleChange] = []

    def _check_open(self) -> None:
        raise NotImplementedError

    def _note_change(self, rule_id: str, by: str, before: StoredRule | None, after: StoredRule | None) -> None:
        version = len(self._rule_changes) + 1
        texts = (None if rule is None else rule.data for rule in (before, after))
        # As exact as a database keeps it.
        at = from_micros(to_micros(self._clock.now()))
        self._rule_changes.append(RuleChange(version, rule_id, at, by, *texts))
        self._signal.ring()

    async def put_rule(self, rule: StoredRule, *, by: str = "") -> int:
        """Store a rule in place of the one with its id; return the number of the last change."""
        self._check_open()
        check_rule(rule, by)
        before = self._rules.get(rule.rule_id)
        if before is None or before.data != rule.data:
            self._rules[rule.rule_id] = rule
            self._note_change(rule.rule_id, by, before, rule)
        return len(self._rule_changes)

    async def delete_rule(self, rule_id: str, *, by: str = "") -> bool:
        """Delete a rule; return whether there was one."""
        self._check_open()
        rows.check_text("by", by)
        before = self._rules.pop(rule_id, None)
        if before is not None:
            self._note_change(rule_id, by, before, None)
        return before is not None

    async def rules(self) -> tuple[int, list[StoredRule]]:
        """Return the number of the last change, and all rules as of then by ascending id."""
        self._check_open()
        return len(self._rule_changes), [self._rules[key] for key in sorted(self._rules)]

    async def rule_version(self) -> int:
        """Return the number of the last change, 0 before the first."""
        self._check_open()
        return len(self._rule_changes)

    async def rule_history(self, rule_id: str | None = None, limit: int = 100) -> list[RuleChange]:
        """Return the last changes, of one rule or of all, the latest first."""
        self._check_open()
        limit = rows.check_limit("limit", limit)
        return [change for change in reversed(self._rule_changes) if rule_id in {None, change.rule_id}][:limit]


class SqliteRules:
    """The rules of :class:`~reco_sdk.storage.sqlite.SqliteStore`."""

    _sql: Mapping[str, str]

    async def _write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        raise NotImplementedError

    async def _read(self, query: str, *parameters: object, decode: Callable[[Any], T]) -> list[T]:
        raise NotImplementedError

    def _now(self) -> int:
        raise NotImplementedError

    async def put_rule(self, rule: StoredRule, *, by: str = "") -> int:
        """Store a rule in place of the one with its id; return the number of the last change."""
        check_rule(rule, by)
        return await self._write(lambda db: self._change_rule(db, rule.rule_id, rule, by)[0])

    async def delete_rule(self, rule_id: str, *, by: str = "") -> bool:
        """Delete a rule; return whether there was one."""
        rows.check_text("by", by)
        if not rows.is_storable(rule_id):
            return False
        return await self._write(lambda db: self._change_rule(db, rule_id, None, by)[1])

    def _change_rule(self, db: sqlite3.Connection, rule_id: str, rule: StoredRule | None, by: str) -> tuple[int, bool]:
        """Return the number of the last change, and whether this was one."""
        with schema.immediate(db):
            found = db.execute(self._sql["rule_data"], (rule_id,)).fetchone()
            before, after = None if found is None else found[0], None if rule is None else rule.data
            if before == after:
                return int(db.execute(self._sql["rule_version"]).fetchone()[0]), False
            db.execute(self._sql["count_rule"])
            version = int(db.execute(self._sql["rule_version"]).fetchone()[0])
            now = self._now()
            if rule is None:
                db.execute(self._sql["delete_rule"], (rule_id,))
            else:
                columns = (rule.rule_id, rule.action, rule.enabled, rule.priority, rule.note, rule.data, version, now, by)
                db.execute(self._sql["put_rule"], columns)
            db.execute(self._sql["note_rule_change"], (version, rule_id, now, by, before, after))
        return version, True

    async def rules(self) -> tuple[int, list[StoredRule]]:
        """Return the number of the last change, and all rules as of then by ascending id."""
        return rules_of(await self._read("rules", decode=tuple))

    async def rule_version(self) -> int:
        """Return the number of the last change, 0 before the first."""
        return (await self._read("rule_version", decode=lambda row: int(row[0])))[0]

    async def rule_history(self, rule_id: str | None = None, limit: int = 100) -> list[RuleChange]:
        """Return the last changes, of one rule or of all, the latest first."""
        if rule_id is not None and not rows.is_storable(rule_id):
            return []
        limit = rows.check_limit("limit", limit)
        return await self._read("rule_history", rule_id, limit, decode=rule_change_of)
