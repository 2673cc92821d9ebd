"""Readers: what a folder holds is what the data set says, and what cannot be read is refused with its mend."""

from __future__ import annotations

import datetime as dt
import gzip
import sys

import numpy as np
import pytest

from reco_sdk.errors import ConfigError, ImportRefused, MissingExtra
from reco_sdk.evaluation.dataset import TEST, TRAIN, VALIDATION
from reco_sdk.evaluation.folders import read_folder
from reco_sdk.training.model import KIND_CODES

from . import folders


def by_user(data):
    """User → ids of its items, in order."""
    out: dict[int, list[str]] = {}
    for user, item in zip(data.log.users.tolist(), data.log.items.tolist(), strict=True):
        out.setdefault(user, []).append(data.item_ids[item])
    return out


class TestInteractions:
    ROWS = ((7, 30, 1), (7, 10, 0), (9, 20, 0), (7, 20, 2))

    def test_positions_order_each_user(self, tmp_path):
        data = read_folder(folders.interactions(tmp_path, self.ROWS))
        assert sorted(by_user(data).values()) == [["10", "30", "20"], ["20"]]
        assert not data.timed
        assert data.texts is None
        assert np.all(np.diff(data.log.times) >= 0)

    def test_items_without_interactions_are_candidates_too(self, tmp_path):
        items = {"item_id": [10, 20, 30, 40], "title": ["Mug", None, " ", "Hat"]}
        data = read_folder(folders.interactions(tmp_path, self.ROWS, items=items))
        assert data.item_ids == ("10", "20", "30", "40")
        assert data.texts == ("Mug", "", "", "Hat")
        assert data.log.n_items == 4

    def test_items_that_are_not_described_are_said(self, tmp_path):
        data = read_folder(folders.interactions(tmp_path, self.ROWS, items={"item_id": [10], "title": ["Mug"]}))
        assert data.log.n_items == 3
        assert data.texts == ("Mug", "", "")
        assert data.notes == ("2 items are not in items.parquet; they have no text",)

    def test_text_ids_and_gaps_make_sessions(self, tmp_path):
        start = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
        rows = [
            ("ann", "a", start),
            ("ann", "b", start + dt.timedelta(minutes=29)),
            ("ann", "c", start + dt.timedelta(minutes=60)),
        ]
        data = read_folder(folders.interactions(tmp_path, rows, ("user_id", "item_id", "timestamp")))
        assert data.timed
        assert data.log.times[0] == start.timestamp()
        assert data.log.sessions.tolist() == [0, 0, 1]

    @pytest.mark.parametrize("unit", [1, 1_000, 1_000_000, 1_000_000_000])
    def test_epochs_of_any_unit(self, tmp_path, unit):
        rows = [("u", "a", 1_600_000_000 * unit), ("u", "b", 1_600_000_060 * unit)]
        data = read_folder(folders.interactions(tmp_path, rows, ("user_id", "item_id", "timestamp")))
        assert data.log.times.tolist() == [1_600_000_000.0, 1_600_000_060.0]

    @pytest.mark.parametrize("text", ["2020-09-13T12:26:40+00:00", "2020-09-13T14:26:40+02:00", "2020-09-13 12:26:40"])
    def test_times_as_text(self, tmp_path, text):
        data = read_folder(folders.interactions(tmp_path, [("u", "a", text)], ("user_id", "item_id", "timestamp")))
        assert data.log.times.tolist() == [1_600_000_000.0]

    def test_ratings_and_kinds(self, tmp_path):
        rows = [(1, 1, 10, 4), (1, 2, 20, 2)]
        data = read_folder(folders.interactions(tmp_path / "a", rows, ("user_id", "item_id", "timestamp", "rating")))
        assert data.log.ratings.tolist() == [4, 2]
        assert [KIND_CODES[code] for code in data.log.kinds] == ["rate", "rate"]
        rows = [(1, 1, 10, "view"), (1, 2, 20, "transaction"), (1, 3, 30, "add_to_cart")]
        data = read_folder(folders.interactions(tmp_path / "b", rows, ("visitor_id", "item_id", "timestamp", "event")))
        assert [KIND_CODES[code] for code in data.log.kinds] == ["view_item", "purchase", "add_to_cart"]

    def test_one_time_and_a_position(self, tmp_path):
        rows = [(1, 5, 100, 2), (1, 6, 100, 0), (1, 7, 100, 1)]
        data = read_folder(folders.interactions(tmp_path, rows, ("user_id", "item_id", "timestamp", "position")))
        assert by_user(data) == {0: ["6", "7", "5"]}

    def test_the_text_is_what_a_shop_would_embed(self, tmp_path):
        items = {
            "item_id": [10, 20],
            "title": ["Red dress", "Mug"],
            "brand": ["Acme", None],
            "categories": ["Women > Dresses", ""],
            "keywords": ["summer", "x\x00y"],
        }
        folder = folders.interactions(tmp_path, self.ROWS, items=items)
        assert read_folder(folder).texts[:2] == ("Red dress. Acme. Dresses", "Mug")
        assert read_folder(folder, ["title"]).texts[:2] == ("Red dress", "Mug")
        assert read_folder(folder, ["Title", "KEYWORDS"]).texts[:2] == ("Red dress. KEYWORDS summer", "Mug. KEYWORDS x y")
        assert read_folder(folder, ["title", "colour"]).notes[0] == "no column colour"
        with pytest.raises(ConfigError, match=r"none of the columns colour to embed; it has title, brand, categories, keywords"):
            read_folder(folder, ["colour"])

    def test_facets_and_prices(self, tmp_path):
        items = {"item_id": [10, 20, 30], "brand": ["B", "", "A"], "category": ["x|y", "x", None], "price": [1.5, -1.0, None]}
        data = read_folder(folders.interactions(tmp_path, self.ROWS, items=items))
        assert data.items.brands.tolist() == [0, -1, 1]
        assert data.items.categories.tolist() == [0, 0, -1]
        np.testing.assert_array_equal(data.items.prices, [1.5, np.nan, np.nan])

    def test_an_item_named_twice_keeps_its_first_row(self, tmp_path):
        items = {"item_id": [10, 10, 20], "title": ["", "Mug", "Hat"]}
        data = read_folder(folders.interactions(tmp_path, self.ROWS, items=items))
        assert data.texts[:2] == ("Mug", "Hat")
        assert "1 rows of items.parquet name an item again; the first is kept" in data.notes


class TestSessionLines:
    def test_pairs_become_sessions_again(self, tmp_path):
        pairs = ["1 2 3\t1", "1 2\t3", "1\t2", "9 8\t7", "9\t8", "5\t1"]
        data = read_folder(folders.session_lines(tmp_path, ["1 2", "3 4 5", ""], pairs))
        assert [sequence for user, sequence in by_user(data).items()] == [
            ["1", "2"], ["3", "4", "5"], ["1", "2", "3", "1"], ["9", "8", "7"], ["5", "1"],
        ]  # fmt: skip
        assert data.parts.tolist() == [TRAIN] * 5 + [TEST] * 9
        assert [(data.log.users[at], data.item_ids[data.log.items[at]]) for at in data.questions.tolist()] == [
            (2, "2"), (2, "3"), (2, "1"), (3, "8"), (3, "7"), (4, "1"),
        ]  # fmt: skip

    def test_a_list_with_gaps_asks_only_what_stands_there(self, tmp_path):
        data = read_folder(folders.session_lines(tmp_path, ["1 2"], ["1 2 3\t4", "1\t2"]))
        assert len(data.questions) == 2
        assert [data.item_ids[data.log.items[at]] for at in data.questions.tolist()] == ["4", "2"]


class TestClickSessions:
    def test_three_parts(self, tmp_path):
        folder = folders.clicks(
            tmp_path, train=[(1, 10, 2.0), (1, 11, 1.0)], valid=[(1, 11, 50.0)], test=[(1, 12, 90.0), (2, 10, 91.0)]
        )
        data = read_folder(folder)
        assert by_user(data) == {0: ["11", "10"], 1: ["11"], 2: ["12"], 3: ["10"]}
        assert data.parts.tolist() == [TRAIN, TRAIN, VALIDATION, TEST, TEST]
        assert data.timed

    def test_validation_may_be_missing_but_not_the_test(self, tmp_path):
        folders.clicks(tmp_path, train=[(1, 10, 2.0)])
        with pytest.raises(ImportRefused, match=r"train.parquet but no test.parquet"):
            read_folder(tmp_path)
        folders.clicks(tmp_path, test=[(1, 10, 2.0)])
        assert len(read_folder(tmp_path).log) == 2


class TestOrderLines:
    ROWS = (
        ("500", "10001A", "RED MUG", 2, 0, 2.5, 12),
        ("500", "10002", "HAT", 1, 0, 4.0, 12),
        ("500", "10001A", "RED MUG", 1, 0, 2.5, 12),  # again
        ("501", "10002", None, 1, 1, 4.0, None),  # nobody's
        ("C502", "10002", "HAT", -1, 2, 4.0, 12),  # cancelled
        ("503", "10003", "FREE", 1, 2, 0.0, 12),  # nothing paid
        ("504", "10003", "lost", -3, 2, 1.0, 12),  # a correction
        *[("505", f"2000{n}", "PAN", 1, 3, 1.0, 13) for n in range(5)],
        *[("506", f"2000{n}", "PAN", 1, 4, 1.0, 13) for n in range(9)],
        ("506", "POST", "POSTAGE", 1, 4, 18.0, 13),
    )

    def test_only_sales_of_things_are_kept(self, tmp_path):
        data = read_folder(folders.order_lines(tmp_path, self.ROWS))
        assert data.baskets
        assert "10003" not in data.item_ids
        assert "POST" not in data.item_ids
        orders = {}
        for user, session, item in zip(data.log.users, data.log.sessions, data.log.items, strict=True):
            orders.setdefault((int(user), int(session)), []).append(data.item_ids[item])
        assert orders == {
            (0, 0): ["10001A", "10002"],
            (2, 1): ["10002"],
            (1, 2): [f"2000{n}" for n in range(5)],
            (1, 3): [f"2000{n}" for n in range(9)],
        }
        assert data.notes == (
            "1 lines of cancelled orders are left out",
            "1 lines without a quantity above 0 are left out",
            "1 lines without a price above 0 are left out",
            "1 lines of postage, fees and corrections are left out",
            "1 lines name an item of their order again",
            "1 orders name no customer",
        )

    def test_what_an_item_is_comes_from_its_lines(self, tmp_path):
        data = read_folder(folders.order_lines(tmp_path, self.ROWS))
        assert data.texts[:3] == ("RED MUG", "HAT", "PAN")
        assert data.items.prices[:2].tolist() == [2.5, 4.0]
        assert read_folder(tmp_path, ["title", "brand"]).texts == data.texts

    def test_several_files_and_other_names(self, tmp_path):
        columns = {"order_id": [1], "product_id": [5], "customer_id": [3], "order_date": ["2024-01-01"], "product_name": ["Mug"]}
        folders.write(tmp_path / "a.parquet", **columns)
        folders.write(tmp_path / "b.parquet", **(columns | {"order_id": [2], "order_date": ["2024-01-02"]}))
        data = read_folder(tmp_path)
        assert len(data.log) == 2
        assert data.log.n_users == 1
        assert data.log.sessions.tolist() == [0, 1]

    def test_nothing_left_is_refused(self, tmp_path):
        with pytest.raises(ImportRefused, match="no order line is left: 1 lines without a price above 0"):
            read_folder(folders.order_lines(tmp_path, [("1", "10001", "x", 1, 0, 0.0, 1)]))


class TestRefusals:
    def test_no_folder(self, tmp_path):
        with pytest.raises(ImportRefused, match="is no folder"):
            read_folder(tmp_path / "nowhere")

    def test_an_unknown_format_says_what_it_holds_and_what_is_known(self, tmp_path):
        (tmp_path / "notes.txt").write_text("x")
        folders.write(tmp_path / "other.parquet", a=[1])
        with pytest.raises(ImportRefused, match=r"holds notes\.txt, other\.parquet; known are interactions\.parquet"):
            read_folder(tmp_path)

    def test_an_empty_folder(self, tmp_path):
        with pytest.raises(ImportRefused, match="holds nothing"):
            read_folder(tmp_path)

    @pytest.mark.parametrize(
        ("names", "missing"),
        [
            (("who", "item_id", "position"), "no column holds the user; call it user_id; its columns are who, item_id, position"),
            (("user_id", "what", "position"), "no column holds the item"),
            (("user_id", "item_id", "order"), "no column holds the time of each interaction, or its position"),
        ],
    )
    def test_missing_columns(self, tmp_path, names, missing):
        with pytest.raises(ImportRefused, match=missing):
            read_folder(folders.interactions(tmp_path, [(1, 2, 3)], names))

    @pytest.mark.parametrize(
        ("rows", "names", "reason"),
        [
            ([(1, 2, 0), (1, None, 1)], ("user_id", "item_id", "position"), "row 2: has no item_id; 1 of 2 rows have none"),
            ([("u", " ", 0)], ("user_id", "item_id", "position"), "has no item_id"),
            ([(1.5, 2, 0)], ("user_id", "item_id", "position"), r"user_id 1\.5 is no id"),
            ([(1, 2, None), (1, 2, 3)], ("user_id", "item_id", "position"), "row 1: has no position"),
            ([(1, 2, "x")], ("user_id", "item_id", "position"), "position holds what is not a number"),
            ([(1, 2, "soon")], ("user_id", "item_id", "timestamp"), "timestamp holds what is not a time"),
            ([(1, 2, None), (1, 3, 10)], ("user_id", "item_id", "timestamp"), "row 1: has no timestamp"),
            ([(1, 2, 3, "jump")], ("user_id", "item_id", "position", "event"), "'jump' is no kind"),
        ],
    )
    def test_values_that_cannot_be(self, tmp_path, rows, names, reason):
        with pytest.raises(ImportRefused, match=reason):
            read_folder(folders.interactions(tmp_path, rows, names))

    def test_no_rows(self, tmp_path):
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({"user_id": pa.array([], pa.int64())}), tmp_path / "interactions.parquet")
        with pytest.raises(ImportRefused, match="holds no rows"):
            read_folder(tmp_path)

    def test_without_pyarrow(self, tmp_path, monkeypatch):
        folders.interactions(tmp_path, [(1, 2, 3)])
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(MissingExtra, match=r"pip install 'reco-sdk\[evaluate\]'"):
            read_folder(tmp_path)

    def test_a_damaged_parquet(self, tmp_path):
        folders.interactions(tmp_path, [(1, 2, 3)])
        path = tmp_path / "interactions.parquet"
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(ImportRefused, match="is no readable Parquet file"):
            read_folder(tmp_path)

    @pytest.mark.parametrize(
        ("line", "reason"),
        [("1 2 3", "line 2: '1 2 3' is not a prefix, a TAB and its target"), ("\t3", "line 2"), ("1\t2 3", "line 2")],
    )
    def test_pairs_that_are_none(self, tmp_path, line, reason):
        with pytest.raises(ImportRefused, match=reason):
            read_folder(folders.session_lines(tmp_path, ["1 2"], ["1\t2", line]))

    def test_a_gzip_that_breaks_off(self, tmp_path):
        folders.session_lines(tmp_path, ["1 2"], ["1\t2"])
        path = tmp_path / "train_sessions.txt.gz"
        path.write_bytes(gzip.compress(b"1 2\n" * 100_000)[:-40])
        with pytest.raises(ImportRefused, match="cannot be read"):
            read_folder(tmp_path)

    @pytest.mark.parametrize(("train", "pairs", "reason"), [([], ["1\t2"], "holds no session"), (["1 2"], [], "holds no pair")])
    def test_empty_session_files(self, tmp_path, train, pairs, reason):
        with pytest.raises(ImportRefused, match=reason):
            read_folder(folders.session_lines(tmp_path, train, pairs))

    def test_pairs_that_are_missing(self, tmp_path):
        folders.session_lines(tmp_path, ["1 2"], ["1\t2"])
        (tmp_path / "test_pairs.txt.gz").unlink()
        with pytest.raises(ImportRefused, match=r"has no test_pairs\.txt\.gz"):
            read_folder(tmp_path)
