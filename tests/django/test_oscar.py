"""The oscar example's own tests, which are a project of theirs: with recommendations, without, and over a forked catalogue."""

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


def pytest_of(settings, *arguments, answers=None):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("BOOKSHOP_", "COV_"))}
    environment |= {"DJANGO_SETTINGS_MODULE": settings, "BOOKSHOP_ANSWERS": str(answers or "")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.Popen(
        command, cwd=SHOP, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True
    )


@pytest.mark.slow
def test_oscar_shop(tmp_path):
    """An ordinary day is answered alike with recommendations and without, the rows aside; and all else holds."""
    answers = {name: tmp_path / f"{name}.json" for name in ("with", "without")}
    runs = {
        "with": pytest_of("tests.settings", answers=answers["with"]),
        "without": pytest_of("tests.settings_plain", "tests/test_journeys.py", answers=answers["without"]),
        "forked": pytest_of("tests.settings_forked", "tests/test_fork.py"),
    }
    said = {name: run.communicate()[0] for name, run in runs.items()}
    failed = [text for name, text in said.items() if runs[name].returncode]
    assert not failed, "\n".join(failed)
    told = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in answers.items()}
    assert list(told["with"]) == list(told["without"])
    for step, answer in told["with"].items():
        assert answer == told["without"][step], step
