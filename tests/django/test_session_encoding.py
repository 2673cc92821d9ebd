"""What the session's cookie holds: written and read again, small, signed for one visitor, believed for one session only."""

import time
import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.core import signing
from hypothesis import given
from hypothesis import strategies as st

from django_reco import metrics
from django_reco.session_cookie import MAX_BYTES, MAX_EVENTS, SALT, SESSION_SECONDS, SessionCookie, carried
from reco_sdk.interactions.interaction import KIND_CODES, Interaction

VISITOR = "v" * 22


def view(item_id="plain.product:1", *, ago=0.0, **fields):
    at = datetime.now(UTC) - timedelta(seconds=ago)
    return Interaction(**{"kind": "view_item", "item_id": item_id, "visitor_id": VISITOR, "at": at, **fields})


def written(*interactions, visitor_id=VISITOR, user_id=None):
    """Return the cookie after a request that recorded these."""
    cookie = SessionCookie(visitor_id, None)
    for interaction in interactions:
        cookie.note(interaction)
    return cookie.replacement(user_id)


def taken(text, *, visitor_id=VISITOR, user_id=None):
    return SessionCookie(visitor_id, text).take(user_id)


def clock(monkeypatch, now):
    monkeypatch.setattr("django_reco.session_cookie.time", SimpleNamespace(time=lambda: now))


def items(events):
    return [event.item_id for event in events]


def forged():
    text = written(view())
    changed = text[:9] + ("A" if text[9] != "A" else "B") + text[10:]
    return {
        "nonsense": "forged",
        "nothing but marks": ":.:",
        "changed": changed,
        "another visitor's": written(view(), visitor_id="w" * 22),
        "too long": text + "A" * MAX_BYTES,
        "of another release": signing.dumps({"events": []}, salt=f"{SALT}:{VISITOR}"),
        "of a kind that is not known": signing.dumps(["", int(time.time()), [[99, 0, "a"]]], salt=f"{SALT}:{VISITOR}"),
        "of no numbers": signing.dumps(["", "now", [["0", "0", "a"]]], salt=f"{SALT}:{VISITOR}"),
        "not text": "\udcff\x00é",
    }


@pytest.mark.parametrize("what", forged())
def test_what_this_site_did_not_sign_for_this_visitor_is_nothing(what):
    metrics.reset()
    cookie = SessionCookie(VISITOR, forged()[what])
    assert cookie.take(None) == ()
    assert cookie.replacement(None) == ""
    assert metrics.counts() == {"session.refused": 1}


def test_a_secret_key_that_is_changed(settings):
    text = written(view())
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    assert items(taken(text)) == ["plain.product:1"]
    settings.SECRET_KEY_FALLBACKS = []
    assert taken(text) == ()


def test_a_session_that_is_over_is_nothing(monkeypatch):
    text = written(view())
    later = time.time() + SESSION_SECONDS + 2
    clock(monkeypatch, later)
    metrics.reset()
    cookie = SessionCookie(VISITOR, text)
    assert cookie.take(None) == ()
    assert cookie.replacement(None) == ""
    assert metrics.counts() == {"session.expired": 1}


def test_only_the_session_that_goes_on_is_carried():
    pauses = [view(f"p:{minutes}", ago=minutes * 60) for minutes in (75, 40, 15, 0)]
    assert items(taken(written(*pauses))) == ["p:40", "p:15", "p:0"]


@pytest.mark.parametrize(("ahead", "known"), [(60, True), (3_600, False)])
def test_a_host_whose_clock_runs_ahead(ahead, known, monkeypatch):
    now = time.time()
    clock(monkeypatch, now + ahead)
    text = written(view("p:1", ago=-ahead))
    clock(monkeypatch, now)
    cookie = SessionCookie(VISITOR, text)
    assert items(cookie.take(None)) == ["p:1"] * known
    cookie.note(view("p:2"))
    assert set(items(taken(cookie.replacement(None)))) == {"p:2"} | ({"p:1"} if known else set())


def carried_to(first, then):
    """Whether what ``first`` did in this browser is known when it is ``then`` who asks."""
    return bool(taken(written(view(), user_id=first), user_id=then))


@pytest.mark.parametrize(
    ("first", "then", "known"), [(None, "1", True), ("1", "1", True), ("1", None, True), ("1", "2", False), (None, None, True)]
)
def test_what_one_account_did_is_not_anothers(first, then, known):
    metrics.reset()
    assert carried_to(first, then) is known
    assert metrics.counts().get("session.refused", 0) == (not known)


def test_who_logs_out_leaves_the_session_to_the_account():
    cookie = SessionCookie(VISITOR, written(view("p:1"), user_id="1"))
    cookie.note(view("p:2"))
    text = cookie.replacement(None)
    assert items(taken(text, user_id="1")) == ["p:1", "p:2"]
    assert taken(text, user_id="2") == ()
    other = SessionCookie(VISITOR, text)
    other.note(view("p:3"))
    assert items(taken(other.replacement("2"), user_id="2")) == ["p:3"]


def test_a_login_takes_the_session_over():
    cookie = SessionCookie(VISITOR, written(view("p:1")))
    assert items(cookie.take("1")) == ["p:1"]
    text = cookie.replacement("1")  # nothing was done, but it belongs to somebody now
    assert (items(taken(text, user_id="1")), taken(text, user_id="2")) == (["p:1"], ())


def test_keys_of_any_kind_fit():
    views = [view(f"some_catalogue.product:{uuid.UUID(int=n * 2**100 + n**9)}", ago=99 - n) for n in range(99)]
    text = written(*views)
    assert len(text) <= MAX_BYTES
    assert items(taken(text)) == [v.item_id for v in views[-MAX_EVENTS:]]


def test_what_is_too_long_to_carry_is_left_out():
    text = written(view("p:1", ago=1), view("x" * 101), view(None, kind="search", query="y" * 101))
    assert items(taken(text)) == ["p:1"]


def test_each_thing_is_carried_once():
    cookie = SessionCookie(VISITOR, written(view("p:1", ago=9), view("p:2", ago=5)))
    cookie.note(view("p:1"))
    assert items(taken(cookie.replacement(None))) == ["p:2", "p:1"]


TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=130).filter(str.strip)
KINDS = st.sampled_from(KIND_CODES)


@st.composite
def interactions(draw):
    kind = draw(KINDS)
    # Far from where a session ends, so that the moments between writing and reading do not matter.
    fields = {"kind": kind, "ago": 60 * draw(st.integers(0, 90)) + 30 + draw(st.floats(0, 0.999))}
    if kind == "rate":
        fields["value"] = draw(st.floats(0, 5))
    if kind == "search":
        fields["query"] = draw(TEXTS)
    return view(None if kind == "search" else draw(TEXTS | st.sampled_from(["shop.product:1", "shop.product:2"])), **fields)


@given(st.lists(interactions(), max_size=30))
def test_what_is_written_is_read(done):
    text = written(*done)
    metrics.reset()
    found = taken(text)
    wanted = carried((event for i in done for event in noted(i)), time.time())
    assert found == wanted[len(wanted) - len(found) :]
    assert len(text or "") <= MAX_BYTES
    assert bool(found) == bool(wanted)
    assert len(found) <= MAX_EVENTS
    assert "session.refused" not in metrics.counts()
    # What was read and is written again without news is the same.
    again = SessionCookie(VISITOR, text)
    assert again.take(None) == found
    assert again.take(None) == ()
    assert again.replacement(None) is None


def noted(interaction):
    cookie = SessionCookie(VISITOR, None)
    cookie.note(interaction)
    return cookie._done


@given(st.text(max_size=60) | st.text(":.Aa-_", max_size=30))
def test_any_text_is_read_without_harm(text):
    assert taken(text) == ()
