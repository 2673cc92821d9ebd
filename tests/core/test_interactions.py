"""An interaction is accepted as it will be stored, or refused with the field and the mend."""

import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco_sdk import Interaction
from reco_sdk.errors import InvalidInteraction
from reco_sdk.interactions.interaction import KINDS, check_time
from reco_sdk.interactions.weighting import KIND_WEIGHTS, decay, kind_weight
from tests.core.support import NOON

REFUSED = [
    ({"kind": "lick"}, "kind", "purchase"),
    ({"kind": ["view_item"]}, "kind", "purchase"),
    ({"kind": None}, "kind", "purchase"),
    ({"item_id": None}, "item_id", "done to an item"),
    ({"item_id": ""}, "item_id", "done to an item"),
    ({"item_id": "  "}, "item_id", "done to an item"),
    ({"item_id": 5}, "item_id", "not text"),
    ({"item_id": "a\x00"}, "item_id", r"control character U\+0000"),
    ({"item_id": "\ud800"}, "item_id", r"lone surrogate U\+D800"),
    ({"item_id": "x" * 1_001}, "item_id", "at most 1,000"),
    ({"visitor_id": None}, "visitor_id", "or user_id"),
    ({"event_id": ""}, "event_id", "leave it out"),
    ({"kind": "search", "item_id": None}, "query", "words"),
    ({"kind": "search", "query": "red\ndress"}, "query", "control character"),
    ({"quantity": 0}, "quantity", "refund"),
    ({"quantity": -2}, "quantity", "refund"),
    ({"quantity": 1.0}, "quantity", "whole number"),
    ({"quantity": True}, "quantity", "whole number"),
    ({"quantity": 2**63}, "quantity", "whole number"),
    ({"position": -1}, "position", "from 0"),
    ({"position": 2**63}, "position", "from 0"),
    ({"value": math.nan}, "value", "leave it out"),
    ({"value": math.inf}, "value", "leave it out"),
    ({"value": -1}, "value", "leave it out"),
    ({"value": 10**400}, "value", "leave it out"),
    ({"value": "5"}, "value", "leave it out"),
    ({"kind": "rate", "value": 6}, "value", "scale it"),
    ({"at": "yesterday"}, "at", "ISO 8601"),
    ({"at": 1_700_000_000}, "at", "datetime"),
    ({"at": "9999-12-31T23:59:59-05:00"}, "at", "9999"),
    ({"at": datetime.min.replace(tzinfo=timezone(timedelta(hours=5)))}, "at", "9999"),
]


@pytest.mark.parametrize(("fields", "field", "mend"), REFUSED, ids=lambda value: repr(value)[:40])
def test_what_cannot_be_is_refused_with_field_and_mend(fields, field, mend):
    with pytest.raises(InvalidInteraction, match=mend) as caught:
        Interaction(**{"kind": "view_item", "item_id": "a", "visitor_id": "v", **fields})
    assert caught.value.field == field


@pytest.mark.parametrize("query", ["赤い\u3000ドレス", "robe\u00a0rouge", "👩\u200d🚀 suit", "zero\u200bwidth", "naïve"])
def test_a_search_may_hold_whatever_people_type(query):
    assert Interaction.search(query, visitor_id="v").query == query


def test_ids_are_stripped_as_items_are():
    assert Interaction.view_item(" sku-1 ", visitor_id="v").item_id == "sku-1"


def test_plain_fields_name_what_is_wrong():
    with pytest.raises(InvalidInteraction, match="colour: is not a field"):
        Interaction.from_dict({"kind": "view_item", "colour": "red"})
    with pytest.raises(InvalidInteraction, match="kind: is missing"):
        Interaction.from_dict({"item_id": "a"})


@pytest.mark.parametrize("kind", sorted(KINDS - {"search", "rate"}))
def test_each_kind_has_a_short_form(kind):
    interaction = getattr(Interaction, kind)("a", visitor_id="v", at=NOON, event_id="e")
    assert (interaction.kind, interaction.item_id) == (kind, "a")
    assert Interaction.from_dict(interaction.to_dict()) == interaction


def test_a_naive_time_is_utc_and_others_are_moved_there():
    assert Interaction.view_item("a", visitor_id="v", at=datetime(2026, 1, 1)).at == datetime(2026, 1, 1, tzinfo=UTC)
    assert Interaction.view_item("a", visitor_id="v", at="2026-01-01T01:00:00+01:00").at == datetime(2026, 1, 1, tzinfo=UTC)


def test_each_interaction_has_its_own_event_id():
    assert len({Interaction.view_item("a", visitor_id="v").event_id for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("offset", "error"),
    [
        (timedelta(seconds=299), None),
        (timedelta(seconds=301), "future"),
        (timedelta(days=-365 * 4), None),
        (timedelta(days=-3_652), "5 years ago"),
    ],
)
def test_a_live_time_lies_in_the_recent_past(offset, error):
    interaction = Interaction.view_item("a", visitor_id="v", at=NOON + offset)
    if error is None:
        check_time(interaction, NOON)
    else:
        with pytest.raises(InvalidInteraction, match=error):
            check_time(interaction, NOON)


def test_history_may_be_old_but_not_in_the_future():
    check_time(Interaction.view_item("a", visitor_id="v", at=datetime(1999, 1, 1)), NOON, max_age_years=None)
    with pytest.raises(InvalidInteraction, match="future"):
        check_time(Interaction.view_item("a", visitor_id="v", at=datetime(2030, 1, 1)), NOON, max_age_years=None)


def test_the_weight_of_a_kind():
    assert kind_weight("purchase") > kind_weight("add_to_cart") > kind_weight("view_item") > kind_weight("select_item") > 0
    assert kind_weight("refund") == -kind_weight("purchase")
    assert [kind_weight("rate", v) for v in (None, 1.0, 3.0, 5.0)] == [0.0, -2.0, 0.0, 2.0]
    assert kind_weight("search") == 0.0
    assert set(KIND_WEIGHTS) | {"rate", "search"} == KINDS


def test_weight_halves_with_each_half_life():
    day = 86_400.0
    np.testing.assert_allclose(decay(np.array([0.0, -3 * day, -6 * day, 3 * day]), 0.0, 3.0), [1, 0.5, 0.25, 2])


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12), st.floats(1e-9, 1e6))
def test_no_time_makes_a_weight_infinite(at, reference, half_life):
    weight = decay(np.array([at]), reference, half_life)
    assert np.isfinite(weight).all()
    assert (weight >= 0).all()
