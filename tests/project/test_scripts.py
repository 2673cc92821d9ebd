"""What the two commands rest on."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from types import ModuleType

import pytest

from tests.project.documents import ROOT


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"scripts_{name}", ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pins_are_plain():
    freeze = "torch==2.13.0+cpu\n# Editable install (reco-sdk==0.1.0)\n-e /somewhere\nZope==1\nabc @ file:///x\nreco-sdk==0.1.0\n"
    assert script("lock").pins(freeze) == ["torch==2.13.0", "Zope==1"]


def test_constraints_hold_nothing_of_one_machine():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines == sorted(lines, key=str.lower)
    for line in lines:
        name, separator, version = line.partition("==")
        assert separator, line
        assert name, line
        assert set(version).isdisjoint("+/@: "), line


def test_the_stamp_changes_with_the_profile_and_the_index(monkeypatch):
    bootstrap = script("bootstrap")
    monkeypatch.delenv("RECO_TORCH_INDEX", raising=False)
    demo = bootstrap.stamp_of("demo")
    assert demo == bootstrap.stamp_of("demo")
    assert demo != bootstrap.stamp_of("dev")
    monkeypatch.setenv("RECO_TORCH_INDEX", "an index")
    assert demo != bootstrap.stamp_of("demo")


def test_torch_is_pinned():
    assert script("bootstrap").pinned_torch().startswith("torch==")


def test_no_compiler_is_no_failure(monkeypatch, capsys):
    bootstrap = script("bootstrap")
    monkeypatch.setattr(bootstrap, "run", lambda *_, **__: False)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda _: None)
    bootstrap.install_hnswlib("python")
    assert "going on without hnswlib" in capsys.readouterr().out


def test_a_failed_compilation_is_no_failure(monkeypatch, capsys):
    bootstrap = script("bootstrap")
    monkeypatch.setattr(bootstrap, "run", lambda *_, **__: False)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda _: "/usr/bin/c++")
    bootstrap.install_hnswlib("python")
    assert "did not compile" in capsys.readouterr().out


def test_a_named_chromium_that_is_none_is_said():
    command = [sys.executable, str(ROOT / "scripts" / "chromium.py")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={"CHROMIUM": "/no/such/browser"})
    assert done.returncode != 0
    assert "/no/such/browser" in done.stderr


def test_a_named_chromium_is_taken():
    command = [sys.executable, str(ROOT / "scripts" / "chromium.py")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={"CHROMIUM": sys.executable})
    assert done.stdout.strip() == sys.executable


def test_the_demo_keeps_what_is_set_already(monkeypatch):
    monkeypatch.setenv("GIFTSHOP_VAR", "elsewhere")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    demo = script("demo")
    environment = demo.environment(demo.GIFTSHOP)
    assert environment["GIFTSHOP_VAR"] == "elsewhere"
    assert environment["HF_HUB_OFFLINE"] == "1"


@pytest.mark.parametrize("name", ["bootstrap", "chromium", "demo", "lock"])
def test_no_registry_is_named(name: str):
    text = (ROOT / "scripts" / f"{name}.py").read_text()
    assert "http" not in text.replace("http://127.0.0.1", "").replace("http://{ADDRESS}", "")


def test_each_invariant_can_be_broken_by_one_edit():
    """``make invariants`` makes each edit and runs the test; that there is something to edit is cheap to know."""
    breaks = script("invariants").BREAKS
    assert {each.number for each in breaks} == set(range(1, 8))
    for each in breaks:
        assert (ROOT / each.path).read_text(encoding="utf-8").count(each.old) == 1, each.what
        path, _, name = each.test.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), each.test
