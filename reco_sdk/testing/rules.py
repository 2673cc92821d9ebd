"""What every store of merchandising rules must do."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import pytest

from reco_sdk.errors import InvalidInput
from reco_sdk.ports import RuleStore, StoredRule

__all__ = ["RuleStoreContract"]


def _rule(rule_id: str = "summer", note: str = "", **fields: Any) -> StoredRule:
    given: dict[str, Any] = {"action": "hide", "enabled": True, "priority": 0, **fields}
    return StoredRule(rule_id=rule_id, note=note, data=f'{{"id": "{rule_id}", "note": "{note}"}}', **given)


class RuleStoreContract:
    """Behaviour of a :class:`~reco_sdk.ports.RuleStore`."""

    @pytest.fixture
    @abstractmethod
    def store(self) -> Any:
        """Give an open, empty store."""
        raise NotImplementedError

    async def test_rules_are_put_replaced_and_deleted(self, store: RuleStore) -> None:
        assert await store.rules() == (0, [])
        assert await store.rule_version() == 0
        assert await store.put_rule(_rule("b", priority=-3, enabled=False)) == 1
        assert await store.put_rule(_rule("a", "夏 👗")) == 2
        assert await store.rules() == (2, [_rule("a", "夏 👗"), _rule("b", priority=-3, enabled=False)])
        assert await store.put_rule(_rule("b", "again", action="boost")) == 3
        assert await store.rules() == (3, [_rule("a", "夏 👗"), _rule("b", "again", action="boost")])
        assert await store.delete_rule("a") is True
        assert await store.delete_rule("a") is False
        assert await store.delete_rule("never\x00") is False
        assert await store.rules() == (4, [_rule("b", "again", action="boost")])
        assert await store.rule_version() == 4

    async def test_what_does_not_change_a_rule_makes_no_change(self, store: RuleStore) -> None:
        assert await store.put_rule(_rule()) == await store.put_rule(_rule(), by="another") == 1
        assert len(await store.rule_history()) == 1

    async def test_the_history_says_who_changed_what(self, store: RuleStore) -> None:
        await store.put_rule(_rule("a", "first"), by="anna")
        await store.put_rule(_rule("a", "second"), by="ben")
        await store.put_rule(_rule("b"), by="")
        await store.delete_rule("a", by="cleo")
        changes = await store.rule_history("a")
        assert [(c.version, c.by) for c in changes] == [(4, "cleo"), (2, "ben"), (1, "anna")]
        texts = [_rule("a", note).data for note in ("first", "second")]
        assert [(c.before, c.after) for c in changes] == [(texts[1], None), (texts[0], texts[1]), (None, texts[0])]
        assert all(c.at.tzinfo is not None for c in changes)
        assert [c.version for c in await store.rule_history(limit=2)] == [4, 3]
        assert [c.version for c in await store.rule_history("b")] == [3]
        assert await store.rule_history("none") == await store.rule_history("\ud800") == []

    @pytest.mark.parametrize("bad", ["", "a\x00", "\ud800"])
    async def test_a_rule_that_cannot_be_is_refused(self, store: RuleStore, bad: str) -> None:
        with pytest.raises(InvalidInput):
            await store.put_rule(_rule(bad))
        if bad:
            with pytest.raises(InvalidInput):
                await store.put_rule(_rule("a", bad))
            with pytest.raises(InvalidInput):
                await store.put_rule(_rule("a"), by=bad)
        assert await store.rules() == (0, [])
