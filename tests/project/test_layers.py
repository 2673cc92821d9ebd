"""Dependencies point one way, and nothing is read or started before it is asked for."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.documents import ROOT

MAY_IMPORT_TORCH = ("reco_sdk/embedding/", "reco_sdk/training/")


def sources(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Every module that a file names in an import, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module


def offenders(paths: list[Path], *modules: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in paths
        for line, name in imported(path)
        if name.partition(".")[0] in modules
    ]


def test_the_import_contracts_hold():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c(['--no-cache'])"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_core_never_imports_django():
    assert offenders(sources("reco_sdk"), "django", "django_reco", "asgiref") == []


def test_only_embedding_and_training_import_torch():
    elsewhere = [p for p in sources("reco_sdk", "django_reco") if not p.relative_to(ROOT).as_posix().startswith(MAY_IMPORT_TORCH)]
    assert offenders(elsewhere, "torch", "sentence_transformers", "transformers") == []


def test_one_file_imports_hnswlib():
    found = offenders(sources("reco_sdk", "django_reco"), "hnswlib")
    assert all(line.startswith("reco_sdk/index/hnsw.py:") for line in found)


def test_nothing_is_pickled():
    assert (
        offenders(sources("reco_sdk", "django_reco"), "pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve")
        == []
    )
    for path in sources("reco_sdk", "django_reco"):
        assert "allow_pickle=True" not in path.read_text(encoding="utf-8"), path


def test_one_file_of_the_core_reads_the_environment():
    readers = set()
    for path in sources("reco_sdk"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}:
                readers.add(path.relative_to(ROOT).as_posix())
    assert readers <= {"reco_sdk/config.py"}


SERVE = """
import asyncio, json, sys
from reco_sdk import Config, Interaction, Item, Recommender
from reco_sdk.embedding.hashing import HashingEmbedder

async def main():
    async with Recommender.open("memory://", embedder=HashingEmbedder()) as reco:
        await reco.upsert_items([Item(id=f"sku-{i}", title=f"Red mug number {i}", categories=["Mugs"]) for i in range(30)])
        await reco.sync()
        await reco.record(Interaction.view_item("sku-1", visitor_id="v"))
        return len(await reco.similar_items("sku-1", n=8)), len(await reco.recommend(visitor_id="v", n=8))

lengths = asyncio.run(main())
print(json.dumps({"lengths": lengths, "modules": sorted(sys.modules)}))
"""


def test_serving_a_recommendation_loads_no_torch():
    done = subprocess.run([sys.executable, "-c", SERVE], check=True, capture_output=True, text=True, cwd=ROOT)
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["lengths"] == [8, 8]
    roots = {name.partition(".")[0] for name in answer["modules"]}
    assert roots.isdisjoint({"torch", "sentence_transformers", "transformers", "django"})


READY = """
import json, socket, sqlite3, sys, threading

def refuse(*args, **kwargs):
    raise AssertionError(f"reached for at start: {args}")

socket.socket.connect = socket.create_connection = sqlite3.connect = refuse
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django_reco", "django.contrib.contenttypes", "django.contrib.auth"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "never.sqlite3"}},
    RECO={"ITEMS": "auth.Group"}, SECRET_KEY="x", USE_TZ=True,
)
import django
django.setup()
from django.db import connection
print(json.dumps({
    "threads": [t.name for t in threading.enumerate()], "connected": connection.connection is not None,
    "heavy": sorted({"torch", "sentence_transformers", "aiohttp", "pyarrow", "hnswlib"} & set(sys.modules)),
}))
"""


def test_ready_is_free(tmp_path):
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", READY], check=False, capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"threads": ["MainThread"], "connected": False, "heavy": []}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", sources("reco_sdk", "django_reco"), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_has_a_docstring_and_no_print(path: Path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if tree.body and "migrations" not in path.parts:
        assert ast.get_docstring(tree), "say in one line what the file is for"
    if path.name != "cli.py" and "cli" not in path.parts:
        prints = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "print"]
        assert prints == []
