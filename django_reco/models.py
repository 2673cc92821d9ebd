"""The ``reco_*`` tables as Django sees them: read-only windows; the SQL files of ``migrations/`` make them."""

# ruff: noqa: D106  Django's Meta

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy

__all__ = ["Alias", "Counter", "DirtyMark", "Impression", "Interaction", "Lease", "Rule", "RuleHistory", "State", "StoredItem"]


class DirtyMark(models.Model):
    """A hint that an item may have changed, written in the shop's own transaction."""

    id = models.BigAutoField(primary_key=True)
    item_id = models.TextField()
    marked_at = models.BigIntegerField(help_text="microseconds since 1970-01-01 UTC")

    class Meta:
        managed = False
        db_table = "reco_dirty"

    def __str__(self) -> str:
        return self.item_id


class StoredItem(models.Model):
    """An item as the recommender last stored it."""

    item_id = models.TextField(primary_key=True)
    version = models.BigIntegerField()
    content_hash = models.TextField()
    data = models.TextField()
    deleted = models.BooleanField(default=False)
    updated_at = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "reco_item"
        verbose_name = gettext_lazy("product")
        verbose_name_plural = gettext_lazy("products")

    def __str__(self) -> str:
        return self.item_id


class Interaction(models.Model):
    """One thing a visitor did."""

    sequence = models.BigAutoField(primary_key=True)
    event_id = models.TextField(unique=True)
    kind = models.TextField()
    item_id = models.TextField(null=True)  # noqa: DJ001  the table distinguishes "none" from ""
    visitor_id = models.TextField(null=True)  # noqa: DJ001
    user_id = models.TextField(null=True)  # noqa: DJ001
    session_id = models.TextField(null=True)  # noqa: DJ001
    at = models.BigIntegerField()
    quantity = models.BigIntegerField(default=1)
    value = models.FloatField(null=True)
    currency = models.TextField(null=True)  # noqa: DJ001
    query = models.TextField(null=True)  # noqa: DJ001
    placement = models.TextField(null=True)  # noqa: DJ001
    slate_id = models.TextField(null=True)  # noqa: DJ001
    position = models.BigIntegerField(null=True)

    class Meta:
        managed = False
        db_table = "reco_interaction"

    def __str__(self) -> str:
        return f"{self.kind} {self.item_id or self.query}"


class Impression(models.Model):
    """A slate that was shown."""

    slate_id = models.TextField(primary_key=True)
    at = models.BigIntegerField()
    placement = models.TextField()
    strategy = models.TextField()
    tier = models.TextField()
    item_ids = models.TextField()
    visitor_id = models.TextField(null=True)  # noqa: DJ001
    user_id = models.TextField(null=True)  # noqa: DJ001

    class Meta:
        managed = False
        db_table = "reco_impression"

    def __str__(self) -> str:
        return self.slate_id


class Alias(models.Model):
    """Which browser belongs to which account."""

    visitor_id = models.TextField(primary_key=True)
    user_id = models.TextField()
    updated_at = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "reco_alias"
        verbose_name_plural: ClassVar[str] = "aliases"

    def __str__(self) -> str:
        return f"{self.visitor_id} → {self.user_id}"


class State(models.Model):
    """A small named value: a cursor, a checkpoint."""

    name = models.TextField(primary_key=True)
    value = models.TextField()
    updated_at = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "reco_state"

    def __str__(self) -> str:
        return self.name


class Lease(models.Model):
    """Who does alone what only one process may do."""

    name = models.TextField(primary_key=True)
    holder = models.TextField()
    epoch = models.BigIntegerField()
    renewed_at = models.BigIntegerField()
    expires_at = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "reco_lease"

    def __str__(self) -> str:
        return f"{self.name}: {self.holder or '–'}"


class Counter(models.Model):
    """The greatest number given so far, by what is numbered."""

    name = models.TextField(primary_key=True)
    value = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "reco_counter"

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"


class Rule(models.Model):
    """A merchandising rule; ``django_reco.rules`` writes it, with its history."""

    rule_id = models.TextField(primary_key=True)
    version = models.BigIntegerField()
    action = models.TextField()
    enabled = models.BooleanField()
    priority = models.BigIntegerField()
    note = models.TextField()
    data = models.TextField()
    updated_at = models.BigIntegerField()
    updated_by = models.TextField()

    class Meta:
        managed = False
        db_table = "reco_rule"
        verbose_name = gettext_lazy("rule")
        verbose_name_plural = gettext_lazy("rules")

    def __str__(self) -> str:
        return self.note or f"{self.action}: {self.rule_id}"


class RuleHistory(models.Model):
    """One change of a rule: what it was before and after, as JSON."""

    version = models.BigIntegerField(primary_key=True)
    rule_id = models.TextField()
    changed_at = models.BigIntegerField()
    changed_by = models.TextField()
    before = models.TextField(null=True)  # noqa: DJ001
    after = models.TextField(null=True)  # noqa: DJ001

    class Meta:
        managed = False
        db_table = "reco_rule_history"
        verbose_name_plural: ClassVar[str] = "rule history"

    def __str__(self) -> str:
        return f"{self.rule_id} {self.version}"
