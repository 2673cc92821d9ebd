"""Merchandising rules in the shop's own database: written in its transaction, told to every process.

The table is the store's (``reco_rule``), and what is committed here holds in every process at its next look, within a second.
Where the store lies elsewhere (``STORE``, or a database that is neither SQLite nor PostgreSQL) rules are put with ``reco rules``
or :meth:`reco_sdk.Recommender.put_rule`; :func:`in_shop_database` tells.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import F

from django_reco.conf import get_settings
from django_reco.models import Counter, Rule, RuleHistory
from django_reco.places import is_inline, shares_database
from reco_sdk.ports import StoredRule
from reco_sdk.ranking.rules import Rule as RuleValue
from reco_sdk.rulebook import check_names

if TYPE_CHECKING:
    from django_reco.backend import Backend

__all__ = ["bring_rules", "changed_at", "delete_rule", "in_shop_database", "put_rule", "read_rules", "rule_of"]

_COUNTER = "rule"


def in_shop_database() -> bool:
    """Return whether rules are kept in the shop's own database, so that the admin may show and write them."""
    config = get_settings()
    return connections[DEFAULT_DB_ALIAS].vendor in {"sqlite", "postgresql"} and (is_inline(config) or shares_database(config))


def rule_of(row: Rule) -> RuleValue:
    """Return the rule that a row of the table holds.

    Raises
    ------
    InvalidRule
        When this release cannot read it.
    """
    return RuleValue.of_stored(StoredRule(row.rule_id, row.action, row.enabled, row.priority, row.note, row.data))


def read_rules() -> list[RuleValue]:
    """Return all rules by ascending id.

    Raises
    ------
    InvalidRule
        When this release cannot read one.
    """
    return [rule_of(row) for row in Rule.objects.order_by("rule_id")]


def put_rule(rule: RuleValue, *, by: Any = "") -> int:
    """Store a rule in place of the one with its id, with its history; return the number of the last change.

    Parameters
    ----------
    rule
        The rule.
    by
        Who does it: a text, or a user.

    Raises
    ------
    InvalidRule
        When it names a placement or strategy that there is not.
    """
    check_names(rule)
    stored = rule.stored()
    columns = {"action": stored.action, "enabled": stored.enabled, "priority": stored.priority, "note": stored.note}
    with transaction.atomic():
        version = _next()
        before = Rule.objects.filter(rule_id=rule.id).values_list("data", flat=True).first()
        if before == stored.data:
            Counter.objects.filter(name=_COUNTER).update(value=F("value") - 1)
            return version - 1
        now = time.time_ns() // 1_000
        changed = {**columns, "data": stored.data, "version": version, "updated_at": now, "updated_by": str(by)}
        Rule.objects.update_or_create(rule_id=rule.id, defaults=changed)
        _note(version, rule.id, now, str(by), before, stored.data)
    return version


def delete_rule(rule_id: str, *, by: Any = "") -> bool:
    """Delete a rule, keeping its history; return whether there was one."""
    with transaction.atomic():
        version = _next()
        before = Rule.objects.filter(rule_id=rule_id).values_list("data", flat=True).first()
        if before is None:
            Counter.objects.filter(name=_COUNTER).update(value=F("value") - 1)
            return False
        Rule.objects.filter(rule_id=rule_id).delete()
        _note(version, rule_id, time.time_ns() // 1_000, str(by), before, None)
    return True


def bring_rules(backend: Backend) -> bool:
    """Have a recommender in memory, of ``MODE = "inline"``, hold the rules of the shop's tables; return whether any changed."""
    core = backend.facade.core
    if core.config.store != "memory://":
        return False
    wanted = {row.rule_id: row for row in Rule.objects.all()}
    _, held = backend.facade.run(core.store.rules())
    same = {stored.rule_id: stored.data for stored in held}
    gone = [rule_id for rule_id in same if rule_id not in wanted]
    new = [row for row in wanted.values() if same.get(row.rule_id) != row.data]
    for rule_id in gone:
        backend.facade.run(core.store.delete_rule(rule_id))
    for row in new:
        stored = StoredRule(row.rule_id, row.action, row.enabled, row.priority, row.note, row.data)
        backend.facade.run(core.store.put_rule(stored))
    return bool(gone or new)


def changed_at(micros: int) -> datetime:
    """Return a time of the tables."""
    return datetime.fromtimestamp(micros / 1_000_000, UTC)


def _next() -> int:
    """Return the number of a change; until the transaction ends nobody else gives one."""
    Counter.objects.filter(name=_COUNTER).update(value=F("value") + 1)
    return Counter.objects.values_list("value", flat=True).get(name=_COUNTER)


def _note(version: int, rule_id: str, now: int, by: str, before: str | None, after: str | None) -> None:
    RuleHistory.objects.create(version=version, rule_id=rule_id, changed_at=now, changed_by=by, before=before, after=after)
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify('reco_change', 'rules')")
