"""Rules in the shop's own database: written in its transaction with their history, and read by the store."""

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from django_reco.models import Rule as Row
from django_reco.models import RuleHistory
from django_reco.rules import changed_at, delete_rule, put_rule, read_rules
from reco_sdk.errors import InvalidRule
from reco_sdk.ranking.rules import Rule

pytestmark = pytest.mark.django_db


def test_rules_are_put_and_deleted_with_their_history():
    rule = Rule(id="r", action="hide", items=("a",), note="recalled")
    assert put_rule(rule, by=User(username="anna")) == put_rule(rule, by="again") == 1
    assert read_rules() == [rule]
    assert str(Row.objects.get()) == "recalled"
    assert put_rule(Rule(id="r", action="hide", items=("b",))) == 2
    assert delete_rule("r", by="ben") is True
    assert delete_rule("r") is False
    changes = RuleHistory.objects.order_by("version")
    assert [(c.version, c.changed_by, c.before is None, c.after is None) for c in changes] == [
        (1, "anna", True, False),
        (2, "", False, False),
        (3, "ben", False, True),
    ]
    assert changed_at(changes[0].changed_at).tzinfo is not None


def test_what_is_rolled_back_was_never_there():
    def save():
        with transaction.atomic():
            put_rule(Rule(id="a", action="hide", items=("a",)))
            put_rule(Rule(id="b", action="hide", items=("a",), placements=("nowhere",)))

    with pytest.raises(InvalidRule, match="checkout"):
        save()
    assert read_rules() == []
    assert put_rule(Rule(id="b", action="hide", items=("a",))) == 1
