"""The wheel holds both packages and everything they read at run time, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.project.documents import ROOT


@pytest.fixture(scope="module")
def names(tmp_path_factory) -> list[str]:
    folder: Path = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_it_holds_the_two_packages_only(names: list[str]):
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"reco_sdk", "django_reco"}


@pytest.mark.parametrize("package", ["reco_sdk", "django_reco"])
def test_it_holds_every_file_of_the_package(package: str, names: list[str]):
    unwanted = {".pyc", ".sqlite3"}
    here = [p for p in (ROOT / package).rglob("*") if p.is_file() and p.suffix not in unwanted and "__pycache__" not in p.parts]
    assert [str(p.relative_to(ROOT)) for p in here if p.relative_to(ROOT).as_posix() not in names] == []
    assert f"{package}/py.typed" in names


def test_it_holds_the_migrations(names: list[str]):
    migrations = [path.name for path in (ROOT / "migrations").glob("*.sql")]
    assert migrations
    assert [name for name in migrations if f"reco_sdk/migrations/{name}" not in names] == []


@pytest.mark.parametrize("needed", ["django_reco/templates/", "django_reco/static/reco/", "reco_sdk/storage/"])
def test_it_holds_templates_static_files_and_queries(needed: str, names: list[str]):
    assert any(name.startswith(needed) for name in names)


def test_it_holds_the_licence_and_the_command(names: list[str]):
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("entry_points.txt") for name in names)
