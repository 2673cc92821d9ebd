"""The public face is what it says: sorted, importable, documented, light."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys

import pytest

from tests.project.documents import ROOT

HEAVY = (
    "torch",
    "sentence_transformers",
    "transformers",
    "sklearn",
    "scipy",
    "aiohttp",
    "asyncpg",
    "django",
    "pyarrow",
    "matplotlib",
)


@pytest.fixture(scope="module")
def loaded() -> list[str]:
    code = "import sys, json, reco_sdk; print(json.dumps(sorted(sys.modules)))"
    return json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT).stdout)


@pytest.mark.parametrize("name", ["reco_sdk", "django_reco"])
def test_names_are_sorted_and_importable(name: str):
    module = importlib.import_module(name)
    assert list(module.__all__) == sorted(set(module.__all__))
    for public in module.__all__:
        assert not public.startswith("_") or public == "__version__"
        assert getattr(module, public) is not None


@pytest.mark.parametrize("name", ["reco_sdk", "django_reco"])
def test_an_unknown_name_is_an_attribute_error(name: str):
    with pytest.raises(AttributeError):
        _ = importlib.import_module(name).no_such_name


def test_nothing_else_leaks():
    import types

    import reco_sdk

    public = {
        name for name, value in vars(reco_sdk).items() if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public - set(reco_sdk.__all__) <= {"annotations", "Any", "Final", "TYPE_CHECKING"}


@pytest.mark.parametrize("name", HEAVY)
def test_importing_the_core_brings_nothing_heavy(name: str, loaded: list[str]):
    assert name not in loaded


def test_every_public_name_is_documented():
    import reco_sdk

    api = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    missing = [name for name in reco_sdk.__all__ if name != "__version__" and not re.search(rf"reco_sdk[\w.]*\.{name}\b", api)]
    errors = importlib.import_module("reco_sdk.errors").__all__
    assert [name for name in missing if name not in errors] == []


@pytest.mark.parametrize("name", ["reco_sdk", "django_reco"])
def test_every_public_thing_has_a_docstring(name: str):
    module = importlib.import_module(name)
    assert [public for public in module.__all__ if public != "__version__" and not getattr(module, public).__doc__] == []


def test_the_version_is_said_once():
    import tomllib

    import reco_sdk

    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert reco_sdk.__version__ == stated
    assert f"## [{stated}]" in (ROOT / "CHANGELOG.md").read_text()
