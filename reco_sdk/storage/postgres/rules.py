"""Merchandising rules in PostgreSQL."""

from __future__ import annotations

from typing import Final

from reco_sdk.ports import RuleChange, StoredRule
from reco_sdk.storage import rows
from reco_sdk.storage.postgres.part import COUNTERS, PostgresPart
from reco_sdk.storage.queries import load_queries
from reco_sdk.storage.rules import check_rule, rule_change_of, rules_of

__all__ = ["PostgresRules"]

_SQL: Final = load_queries("postgres/rules.sql")
_COUNTER: Final = "rule"


class PostgresRules(PostgresPart):
    """A :class:`~reco_sdk.ports.RuleStore`. Writers take turns, by the row that numbers the changes."""

    async def put_rule(self, rule: StoredRule, *, by: str = "") -> int:
        """Store a rule in place of the one with its id; return the number of the last change."""
        check_rule(rule, by)
        async with self._pool.transaction() as db:
            version = await self._lock_counter(db, _COUNTER)
            before = await db.fetchval(_SQL["rule_data"], rule.rule_id)
            if before == rule.data:
                return version
            version = await self._count(db, _COUNTER, 1)
            now = self._now()
            await db.execute(
                _SQL["put_rule"],
                *(rule.rule_id, rule.action, rule.enabled, rule.priority, rule.note, rule.data, version, now, by),
            )
            await db.execute(_SQL["note_rule_change"], version, rule.rule_id, now, by, before, rule.data)
            await self._tell(db, "rules")
        return version

    async def delete_rule(self, rule_id: str, *, by: str = "") -> bool:
        """Delete a rule; return whether there was one."""
        rows.check_text("by", by)
        if not rows.is_storable(rule_id):
            return False
        async with self._pool.transaction() as db:
            await self._lock_counter(db, _COUNTER)
            before = await db.fetchval(_SQL["rule_data"], rule_id)
            if before is None:
                return False
            version = await self._count(db, _COUNTER, 1)
            await db.execute(_SQL["delete_rule"], rule_id)
            await db.execute(_SQL["note_rule_change"], version, rule_id, self._now(), by, before, None)
            await self._tell(db, "rules")
        return True

    async def rules(self) -> tuple[int, list[StoredRule]]:
        """Return the number of the last change, and all rules as of then by ascending id."""
        return rules_of(await self._read(_SQL["rules"], decode=tuple))

    async def rule_version(self) -> int:
        """Return the number of the last change, 0 before the first."""
        return await self._value(COUNTERS["counted"], _COUNTER)

    async def rule_history(self, rule_id: str | None = None, limit: int = 100) -> list[RuleChange]:
        """Return the last changes, of one rule or of all, the latest first."""
        if rule_id is not None and not rows.is_storable(rule_id):
            return []
        return await self._read(_SQL["rule_history"], rule_id, rows.check_limit("limit", limit), decode=rule_change_of)
