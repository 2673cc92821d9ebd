"""``reco clean``: what a file about to be imported, and what a store's log holds that does not count, and nothing is changed."""

import json

LOG = """\
kind,at,visitor_id,item_id
view_item,2026-01-05T10:00:00Z,v1,a
view_item,2026-01-05T10:00:01Z,v1,a
view_item,2026-01-05T10:00:01Z,v1,a
purchase,2026-01-05T10:05:00Z,v1,a
refund,2026-01-06T10:05:00Z,v1,a
refund,2026-01-06T10:05:00Z,v2,a
view_item,nonsense,v1,a
"""


def test_a_file_and_the_store_that_takes_it(reco, tmp_path):
    robot = "".join(f"view_item,2026-01-07T10:00:{second:02}Z,robot,b\n" for second in range(55))
    (tmp_path / "log.csv").write_text(LOG + robot)
    done = reco("clean", "log.csv", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["interactions"], found["count"], found["told_twice"]) == (60, 4, 1)
    assert {name: out["interactions"] for name, out in found["left_out"].items()} == {
        "impossible time": 0,
        "robot": 55,
        "double click": 1,
        "outlier": 0,
    }
    assert (found["purchases"], found["refunds"]) == (1, {"take_back": 1, "of_nothing_known": 1})
    assert (found["import"]["refused"], found["import"]["dry_run"]) == (1, True)
    assert not list(tmp_path.glob("*.sqlite3")), "nothing is stored"

    assert reco("clean").returncode != 0, "there is no store yet"
    assert reco("import", "interactions", "log.csv").returncode == 0
    done = reco("clean")
    assert done.returncode == 0, done.stderr
    assert "4 of 60 interactions count" in done.stdout
    assert "robot: a session without a purchase" in done.stdout
    assert "take back 1" in done.stdout
    stored = json.loads(reco("clean", "--json").stdout)
    assert stored == {name: found[name] for name in stored}
