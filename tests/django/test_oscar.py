"""The oscar example's own tests, which are a project of theirs: with recommendations, without, and over a forked catalogue."""

import difflib
import json
import os
import subprocess
import sys

import pytest

from tests.project.documents import ROOT

pytest.importorskip("oscar")
pytest.importorskip("sorl")
pytest.importorskip("whoosh")
SHOP = ROOT / "examples" / "oscar"


def pytest_of(settings, folder, *arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("BOOKSHOP_", "COV_"))}
    environment |= {"DJANGO_SETTINGS_MODULE": settings, "BOOKSHOP_ANSWERS": str(folder / "answers.json")}
    (folder / "tmp").mkdir(parents=True)
    environment["TMPDIR"] = str(folder / "tmp")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.Popen(
        command, cwd=SHOP, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True
    )


@pytest.mark.slow
def test_oscar_shop(tmp_path):
    """An ordinary day is answered alike with recommendations and without, the rows aside; and all else holds."""
    runs = {
        "with": pytest_of("tests.settings", tmp_path / "with", "tests/test_journeys.py"),
        "without": pytest_of("tests.settings_plain", tmp_path / "without", "tests/test_journeys.py"),
        # By themselves: the search index is not rolled back with what they do.
        "rest": pytest_of("tests.settings", tmp_path / "rest", "tests", "--ignore=tests/test_journeys.py"),
        "forked": pytest_of("tests.settings_forked", tmp_path / "forked", "tests/test_fork.py"),
    }
    said = {name: run.communicate()[0] for name, run in runs.items()}
    failed = [text for name, text in said.items() if runs[name].returncode]
    assert not failed, "\n".join(failed)
    told = [json.loads((tmp_path / name / "answers.json").read_text(encoding="utf-8")) for name in ("with", "without")]
    assert list(told[0]) == list(told[1])
    for step in told[0]:
        answers = [json.dumps(shop[step], indent=0, ensure_ascii=False).splitlines() for shop in told]
        assert not list(difflib.unified_diff(*answers, n=0, lineterm="")), step
