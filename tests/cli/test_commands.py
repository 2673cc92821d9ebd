import contextlib
import json
import os
import subprocess
import sys
import time

import pytest

from reco_sdk.cli import main
from reco_sdk.cli.parser import FORMATS, make_parser
from reco_sdk.importing import FORMATS as READ

from .conftest import ENVIRONMENT, MAP


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def test_a_shop_from_import_to_slate(reco, catalogue, tmp_path):
    done = reco("import", "products.csv", *MAP, "--refused", "refused.jsonl")
    assert done.returncode == 0, done.stderr
    assert "3 new, 0 changed, 0 unchanged, 1 refused" in done.stdout
    assert "columns left out: colour" in done.stdout
    assert "reco sync" in done.stderr
    refused = [json.loads(line) for line in (tmp_path / "refused.jsonl").read_text().splitlines()]
    assert [(r["line"], r["item_id"], r["field"]) for r in refused] == [(4, "3", "title")]

    done = reco("sync", "--json", RECO_MODEL="hashing")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["embedded"] == 3

    done = reco("similar", "1", "-n", "1")
    assert "Blue dress" in done.stdout
    assert "Similar to Red dress" in done.stdout
    done = reco("why", "--strategy", "similar_items", "--seed", "1", "-n", "1")
    assert "similar_items: similar to Red dress: " in done.stdout
    assert "place after fusion 1" in done.stdout
    done = reco("why-not", "2", "--strategy", "similar_items", "--seed", "1", "--exclude", "2", "--json")
    assert json.loads(done.stdout)["stage"] == "excluded"

    (tmp_path / "views.jsonl").write_text(
        json.dumps({"event_name": "view_item", "item_id": "4", "visitor_id": "v", "timestamp": time.time()})
    )
    done = reco("import", "interactions", "views.jsonl", "--json")
    assert json.loads(done.stdout)["inserted"] == 1
    done = reco("recommend", "--visitor", "v", "--strategy", "recently_viewed", "--json")
    assert [item["id"] for item in json.loads(done.stdout)["items"]] == ["4"]
    done = reco("recommend", "--category", "Hats", "--json")
    assert [item["id"] for item in json.loads(done.stdout)["items"]] == ["4"]

    done = reco("doctor", "--model", "hashing", "--json")
    assert done.returncode == 0, done.stdout
    found = json.loads(done.stdout)
    assert found["facts"]["items"] == 3
    assert found["facts"]["impressions"] == 0, "looking is not showing"
    assert "all is well" in reco("doctor", "--model", "hashing").stdout


def test_doctor_says_what_is_wrong(reco, catalogue):
    reco("import", "products.csv", *MAP)
    done = reco("doctor", "--model", "hashing")
    assert done.returncode == 1
    assert any(line.startswith("! there is no snapshot yet") for line in done.stdout.splitlines())


def test_migrate(reco, tmp_path):
    done = reco("migrate", "--check", "--json")
    assert (done.returncode, json.loads(done.stdout)["pending"][0]) == (1, "0001_initial")
    assert not list(tmp_path.iterdir()), "a check makes nothing"
    done = reco("migrate")
    assert (done.returncode, "applied: 0001_initial" in done.stdout) == (0, True)
    assert reco("migrate", "--check").returncode == 0
    (tmp_path / "no.sqlite3").write_text("no database at all, but long enough to be looked at by SQLite")
    for arguments in (("migrate", "--check"), ("migrate",)):
        done = reco(*arguments, "--store", "sqlite:///no.sqlite3")
        assert done.returncode == 1
        assert len(lines(done.stderr)) == 1


WRONG = [
    (("import", "none.csv"), "check the path"),
    (("import", "products.csv"), "no column holds the id"),
    (("import", "products.csv", "--map", "id"), "is not FIELD=COLUMN"),
    (("import", "products.csv", "--map", "colour=x"), "is no field"),
    (("import", "products.csv", "--set", "currency="), "is not FIELD=VALUE"),
    (("import", "products.csv", "--batch", "0"), "batch_size"),
    (("import", "products.csv", "--encoding", "klingon"), "is unknown"),
    (("import", "products.csv", "--delimiter", "::"), "not one character"),
    (("import", "products.csv", "--category-separator", " "), "is empty"),
    (("import", "products.csv", *MAP, "--refused", "no/folder.jsonl"), "No such file"),
    (("similar", "none"), "no item 'none'"),
    (("recommend", "-n", "0"), "from 1 to"),
    (("recommend", "--strategy", "magic"), "is unknown"),
    (("doctor", "--store", "sqlite:///typo.sqlite3"), "there is no store at"),
    (("similar", "1", "--store", "mongodb://x"), "is unknown"),
    (("sync", "--store", "shop.sqlite3"), "is not a URL"),
    (("serve", "--port", "99999"), "cannot listen"),
]


@pytest.mark.parametrize(("arguments", "expected"), WRONG)
def test_what_goes_wrong_is_one_line_and_status_one(catalogue, tmp_path, monkeypatch, capsys, arguments, expected):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECO_MODEL", "hashing")
    assert main(["migrate", "-q"]) == 0
    capsys.readouterr()
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert (out, len(lines(err))) == ("", 1), err
    assert expected in err
    assert not (tmp_path / "typo.sqlite3").exists()


def test_an_error_of_a_real_process_and_of_its_environment(reco):
    for arguments, environment in ((("similar", "x"), {}), (("migrate",), {"RECO_CACHE_SIZE": "many"})):
        done = reco(*arguments, **environment)
        assert (done.returncode, done.stdout, len(lines(done.stderr))) == (1, "", 1)


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_bars_are_drawn_on_a_terminal_only(catalogue, tmp_path):
    import pty
    import termios

    (tmp_path / "big.csv").write_text(
        "id,title,price\n" + "".join(f"s{i},Thing {i},{'x' if i % 9 == 0 else i}\n" for i in range(4_000))
    )
    for command, expected in ((("import", "big.csv"), "rows/s, "), (("sync",), "embed"), (("import", "big.csv", "-q"), None)):
        leader, follower = pty.openpty()
        termios.tcsetwinsize(follower, (24, 120))  # a terminal of no width gets no bar
        done = subprocess.run(
            [sys.executable, "-m", "reco_sdk.cli", *command],
            cwd=tmp_path,
            env={**ENVIRONMENT, "RECO_MODEL": "hashing"},
            stdout=subprocess.PIPE,
            stderr=follower,
            check=True,
        )
        os.set_blocking(leader, False)
        shown = ""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(leader, 4_096):
                shown += chunk.decode(errors="replace")
        os.close(follower)
        os.close(leader)
        assert done.stdout
        assert expected in shown if expected else shown == "", (command, shown)


def test_a_file_that_breaks_reports_what_was_kept(reco, tmp_path):
    (tmp_path / "a.csv").write_bytes(b"id,title\na,first\nb,caf\xe9\n")
    done = reco("import", "a.csv")
    assert done.returncode == 1
    assert "1 new" in done.stdout
    assert "line 3: byte 0xe9" in done.stderr
    (tmp_path / "b.csv").write_text("id,title\na,\nb,\n")
    done = reco("import", "b.csv", "--dry-run")
    assert (done.returncode, "no row could be taken" in done.stderr) == (1, True)


def test_a_dry_run_makes_no_store(reco, catalogue, tmp_path):
    done = reco("import", "items", "products.csv", *MAP, "--dry-run")
    assert done.returncode == 0
    assert "nothing stored; 3 rows would be" in done.stdout
    assert not (tmp_path / "shop.reco.sqlite3").exists()
    reco("import", "products.csv", *MAP, "--store", "sqlite:///other.sqlite3")
    assert (tmp_path / "other.sqlite3").exists()
    reco("import", "products.csv", *MAP, RECO_STORE="sqlite:///third.sqlite3")
    assert (tmp_path / "third.sqlite3").exists()


USAGE = [(), ("import",), ("import", "items"), ("import", "things", "a.csv"), ("fly",), ("similar",), ("similar", "a", "-n", "x")]


@pytest.mark.parametrize("arguments", USAGE)
def test_usage_errors_are_status_two(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    try:
        status = main(arguments)
    except SystemExit as stopped:
        status = stopped.code
    assert status == 2
    assert not list(tmp_path.iterdir())


def test_help_has_examples_for_every_command_and_imports_nothing_heavy(reco):
    commands = next(action for action in make_parser()._actions if action.dest == "command").choices
    assert set(commands) == {
        "import",
        "clean",
        "finetune",
        "similar",
        "recommend",
        "train",
        "sync",
        "serve",
        "worker",
        "snapshot",
        "migrate",
        "doctor",
        "evaluate",
        "newsletter",
        "rules",
        "why",
        "why-not",
    }
    for name, command in commands.items():
        assert f"reco {name}" in command.format_help().partition("examples:")[2]
    code = "import sys; sys.argv = ['reco', '--help']\ntry:\n from reco_sdk.cli import main; main()\nexcept SystemExit: pass\n"
    code += "assert not {'numpy', 'aiohttp', 'pyarrow', 'torch', 'sqlite3'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, check=True, capture_output=True)


def test_the_formats_are_those_that_are_read():
    assert FORMATS == READ


def test_a_closed_pipe_is_no_traceback(reco, catalogue):
    reco("import", "products.csv", *MAP)
    command = [sys.executable, "-m", "reco_sdk.cli", "recommend", "--json"]
    with subprocess.Popen(
        command, cwd=catalogue.parent, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
