"""``reco evaluate``: the command as it is typed."""

from __future__ import annotations

import json
import sys

import pytest

from reco_sdk.cli import main
from reco_sdk.cli.evaluating import PROTOCOLS
from reco_sdk.evaluation import splitting

from . import folders


@pytest.fixture
def reco(tmp_path, monkeypatch, capsys):
    """Run a command in an empty folder; return its status, what it said and its errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECO_MODEL", "hashing")
    monkeypatch.setenv("HOME", str(tmp_path))

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["evaluate", *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def shop(tmp_path):
    return str(folders.shop(tmp_path / "shop"))


def test_the_help_names_the_protocols_that_there_are(capsys):
    assert PROTOCOLS == splitting.PROTOCOLS
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    said = capsys.readouterr().out
    for word in (*PROTOCOLS, "--budget-minutes", "--plots", "--json OUT", "interactions.parquet", "examples:"):
        assert word in said


def test_help_loads_nothing_heavy():
    import subprocess

    code = (
        "import sys\nfrom reco_sdk.cli import main\n"
        "try: main(['evaluate', '--help'])\nexcept SystemExit: pass\n"
        "sys.exit(bool({'numpy', 'pyarrow', 'matplotlib', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_a_folder_to_a_table_and_figures(reco, shop, tmp_path):
    status, said, _ = reco(shop, "--protocol", "leave-one-out", "--text", "title", "--json", "out/figures.json")
    assert status == 0
    assert "shop: leave-one-out (test), seed 0" in said
    assert "figures: out/figures.json" in said
    figures = json.loads((tmp_path / "out" / "figures.json").read_text())
    found = {row["source"]: row["metrics"] for row in figures["rows"]}
    assert found["content"]["HitRate@10"] == 1.0
    assert found["content"]["HitRate@10"] > found["popularity"]["HitRate@10"]
    assert figures["version"]
    assert (tmp_path / ".cache" / "reco" / "vectors.sqlite3").exists()


def test_json_alone(reco, shop):
    status, said, _ = reco(shop, "--json", "-", "--sources", "popularity", "--seed", "5", "--validation")
    assert status == 0
    figures = json.loads(said)
    assert (figures["protocol"], figures["part"], figures["seed"]) == ("leave-one-out", "validation", 5)
    assert [row["source"] for row in figures["rows"]] == ["popularity"]


def test_plots(reco, tmp_path):
    rows = [(u, (u + i) % 9, 1_000_000_000 + u * 100 + i, 1 + (i + u) % 5) for u in range(30) for i in range(8)]
    folder = folders.interactions(
        tmp_path / "rated", rows, ("user_id", "item_id", "timestamp", "rating"), items={"item_id": list(range(9)), "title": [f"film {n}" for n in range(9)]}
    )  # fmt: skip
    status, said, _ = reco(str(folder), "--plots", "plots", "--vectors", "v.sqlite3")
    assert status == 0
    assert "learning curve, NDCG@10" in said
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == [
        "accuracy-diversity.png", "learning-curve.png", "metric-by-source.png", "ratings-biased_factors.png",
        "ratings-item_neighbours.png", "ratings-mean_ratings.png", "ratings-user_neighbours.png",
    ]  # fmt: skip
    for path in (tmp_path / "plots").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 5_000
    assert (tmp_path / "v.sqlite3").exists()


def test_plots_of_two_ways_of_asking(reco, tmp_path):
    rows = [(str(d * 9 + c), f"1000{(d // 4 + c) % 4}", "x", 1, d, 1.0, c) for d in range(0, 120, 4) for c in range(3)]
    rows.append(("999", "10009", "new", 1, 119, 1.0, 1))
    status, said, _ = reco(str(folders.order_lines(tmp_path / "orders", rows)), "--plots", "plots")
    assert status == 0
    assert "with repeats" in said
    names = {path.name for path in (tmp_path / "plots").iterdir()}
    assert {"metric-by-source-with-repeats.png", "metric-by-source-without-repeats.png"} <= names


def test_without_a_model_content_is_left_out(reco, shop, monkeypatch):
    monkeypatch.setenv("RECO_MODEL", "")
    status, said, _ = reco(shop)
    assert status == 0
    assert "popularity" in said
    assert "content" not in said


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nowhere"], "nowhere: is no folder"),
        (["shop", "--protocol", "time-split"], "has no times"),
        (["shop", "--text", "colour"], "none of the columns colour"),
        (
            ["shop", "--sources", "magic"],
            "source 'magic' is none of co_occurrence, session_knn, linear, factors, item_cf, user_knn, random",
        ),
        (["shop", "--cases", "0"], "cases: 0 is not above 0"),
    ],
)
def test_what_cannot_be_is_one_line(reco, shop, arguments, reason):
    status, said, error = reco(*arguments)
    assert status == 1
    assert said == ""
    assert reason in error
    assert error.count("\n") == 1


def test_a_file_that_cannot_be_written_is_found_out_first(reco, shop, tmp_path):
    (tmp_path / "taken").write_text("")
    status, said, error = reco(shop, "--json", "taken/figures.json")
    assert (status, said) == (1, "")
    assert "taken" in error


def test_vectors_that_cannot_be_kept_are_no_reason_to_stop(reco, shop, tmp_path, caplog):
    (tmp_path / ".cache").write_text("")
    status, said, _ = reco(shop)
    assert status == 0
    assert "content" in said
    assert "text vectors are not kept" in caplog.text


def test_plots_without_matplotlib(reco, shop, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    status, _, error = reco(shop, "--plots", "plots")
    assert status == 1
    assert "pip install 'reco-sdk[evaluate]'" in error


def test_ctrl_c_ends_it(reco, shop, monkeypatch):
    def interrupted(*args, **kwargs):
        import os
        import signal

        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("was not interrupted")

    monkeypatch.setattr("reco_sdk.evaluation.run.evaluate", interrupted)
    status, _, error = reco(shop)
    assert status == 130
    assert "interrupted" in error
