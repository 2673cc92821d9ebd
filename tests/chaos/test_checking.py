"""The checker itself: each kind of harm is found, and none where there is none."""

import psycopg
import pytest

from tests.chaos.checking import check_freshness, check_purchases, check_views
from tests.chaos.ledger import BY_SIGNAL, SETTLES_SECONDS, Ledger
from tests.chaos.shop import ChaosShop

TABLES = """
CREATE TABLE plain_orderline (id int, quantity int);
CREATE TABLE reco_interaction (event_id text, kind text, item_id text, visitor_id text, quantity int);
INSERT INTO plain_orderline VALUES (1, 2), (2, 1);
INSERT INTO reco_interaction VALUES
    ('order:plain.orderline:1', 'purchase', 'plain.product:1', 'v', 2),
    ('order:plain.orderline:2', 'purchase', 'plain.product:2', 'v', 1),
    ('look', 'view_item', 'plain.product:1', 'v', 1);
"""


@pytest.fixture
def ledger():
    made = Ledger()
    made.restart()
    return made


@pytest.fixture
def shop(tmp_path, postgres_server, empty_postgres):
    made = ChaosShop(tmp_path, postgres_server, empty_postgres)
    with psycopg.connect(made.dsn) as database:
        database.execute(TABLES)
    return made


def execute(shop, statement):
    with psycopg.connect(shop.dsn) as database:
        database.execute(statement)


def test_purchases_that_are_all_there(shop, ledger):
    assert check_purchases(shop, ledger) == {"lines": 2, "stored": 2, "lost": 0, "doubled": 0, "of_no_line": 0, "wrong": 0}
    assert ledger.failures == {}


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        ("DELETE FROM reco_interaction WHERE event_id LIKE '%:2'", {"lost": 1}),
        ("INSERT INTO reco_interaction SELECT * FROM reco_interaction WHERE event_id LIKE '%:2'", {"doubled": 1}),
        (
            "INSERT INTO reco_interaction VALUES ('order:plain.orderline:3', 'purchase', 'plain.product:1', 'v', 1)",
            {"of_no_line": 1},
        ),
        ("UPDATE reco_interaction SET quantity = 9 WHERE event_id LIKE '%:2'", {"wrong": 1}),
    ],
)
def test_purchases_that_are_not(harm, found, shop, ledger):
    execute(shop, harm)
    report = check_purchases(shop, ledger)
    assert {name: report[name] for name in found} == found
    assert list(ledger.failures) == ["purchases"]


class CountedAs:
    """A host whose recorders counted so many views as lost."""

    def __init__(self, lost):
        self.name, self.lost = "host-1", lost

    def uncounted(self):
        return 0, self.lost


@pytest.mark.parametrize(("seen", "counted", "missing", "fails"), [(1, 0, 0, False), (3, 2, 2, False), (3, 1, 2, True)])
def test_views(seen, counted, missing, fails, shop, ledger):
    for _ in range(seen):
        ledger.viewed("host-1", "v", 1)
    assert check_views(shop, [CountedAs(counted)], ledger)["missing"] == missing
    assert ("views" in ledger.failures) is fails


def test_what_must_not_be_shown(ledger):
    ledger.changed("hidden", BY_SIGNAL, {1: None})
    asked_at = ledger.pending[1].at + 1
    ledger.never_shows(pk=2)
    assert sorted(ledger.phantoms({1, 2, 3}, asked_at)) == [1, 2]
    assert ledger.phantoms({1}, ledger.pending[1].at - 1) == []  # it was there when the page was asked for
    ledger.unsure([1])
    assert ledger.phantoms({1}, asked_at) == []


def test_what_was_hidden_as_the_database_went_away_is_excused_until_it_is_back(ledger):
    ledger.changed("hidden", BY_SIGNAL, {1: None})
    ledger.never_shows(pk=2)
    with ledger.away():
        gone = ledger.pending[1].at
        assert ledger.phantoms({1, 2}, gone + 0.1) == [2]
    assert ledger.phantoms({1, 2}, gone + 3600) == [1, 2]


def test_what_was_hidden_long_before_is_not_excused(ledger):
    ledger.changed("hidden", BY_SIGNAL, {1: None})
    ledger._gone[1] -= 3600
    with ledger.away():
        assert ledger.phantoms({1}, ledger.pending[1].at + 0.1) == [1]


@pytest.mark.parametrize("held", [{2: 100}, {1: 555}])
def test_what_was_rolled_back_is_in_no_process(held, ledger):
    ledger.never_shows(pk=2, cents=555)
    ledger.look({("host-1", 7): (ledger.started + 1, held)}, processes=1)
    assert list(ledger.failures) == ["phantoms"]


def see(ledger, after, *processes, cents=100, of=2):
    at = ledger.pending[1].at + after
    ledger.look({("host-1", process): (at, {1: cents}) for process in processes}, processes=of)


def test_a_change_is_there_when_the_last_process_has_it(ledger):
    ledger.changed("edited", BY_SIGNAL, {1: 100})
    see(ledger, 0.1, 7)
    see(ledger, 0.2, 7, 8, cents=99)
    assert 1 in ledger.pending
    see(ledger, 0.5, 7, 8)
    assert ledger.took[BY_SIGNAL] == [pytest.approx(0.5)]
    assert check_freshness(ledger, 1.0)[BY_SIGNAL]["p99"] == pytest.approx(0.5)
    assert ledger.failures == {}
    check_freshness(ledger, 0.4)
    assert list(ledger.failures) == ["freshness"]


def test_a_change_that_never_arrives_fails(ledger):
    ledger.changed("edited", BY_SIGNAL, {1: 100})
    check_freshness(ledger, 1.0)
    assert len(ledger.failures["freshness"]) == 2


def test_what_is_broken_is_not_measured(ledger):
    ledger.changed("edited", BY_SIGNAL, {1: 100})
    with ledger.disturbing("a test", "nobody"):
        assert not ledger.healthy
    see(ledger, 0.1, 7, 8)
    assert ledger.took[BY_SIGNAL] == []
    assert 0 < ledger.settles_in <= SETTLES_SECONDS


def test_only_a_kill_excuses_a_cut_page(ledger):
    asked_at = ledger.started
    assert not ledger.was_cut("host-1", asked_at)
    ledger.killed("host-1")
    assert ledger.was_cut("host-1", asked_at)
    assert not ledger.was_cut("host-2", asked_at)
    assert not ledger.was_cut("host-1", asked_at + 3600)
