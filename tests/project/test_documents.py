"""What the documents show works: code runs, settings are accepted, links lead somewhere."""

from __future__ import annotations

import ast
import inspect
import re

import pytest

from tests.project.documents import ROOT, Block, blocks, documents

PYTHON = blocks("python")
ASYNC = [block for block in PYTHON if "async with Recommender.open(" in block.code]
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)]*)?\)")


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_every_python_block_parses(block: Block):
    block.parse()


@pytest.mark.parametrize("block", ASYNC, ids=str)
async def test_the_async_examples_run(block: Block, tmp_path, monkeypatch, capsys):
    from reco_sdk import Recommender
    from reco_sdk.embedding.hashing import HashingEmbedder

    opened = Recommender.open

    def with_hashing(*args, **kwargs):
        kwargs.setdefault("embedder", HashingEmbedder())
        return opened(*args, **kwargs)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Recommender, "open", with_hashing)
    code = compile(block.parse(), str(block), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert code.co_flags & inspect.CO_COROUTINE
    await eval(code, {"__name__": "example"})  # noqa: S307 - our own examples
    if "print(" in block.code:
        assert capsys.readouterr().out.strip() != ""


def test_the_readme_has_an_async_example():
    assert any(block.path == ROOT / "README.md" for block in ASYNC)


def settings_of(block: Block) -> list[dict]:
    found = []
    for node in ast.walk(block.parse()):
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["RECO"]:
            found.append(ast.literal_eval(node.value))
    return found


@pytest.mark.parametrize("block", [block for block in PYTHON if "RECO = " in block.code], ids=str)
def test_every_settings_block_is_accepted(block: Block):
    from django_reco.conf import parse

    found = settings_of(block)
    assert found
    for raw in found:
        _, problems = parse(raw)
        assert problems == []


@pytest.mark.parametrize("block", blocks("django"), ids=str)
def test_every_template_block_parses(block: Block):
    from django.template import engines

    source = block.code if "{% load reco %}" in block.code else "{% load reco %}" + block.code
    engines["django"].from_string(source)


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_to_a_file(path):
    targets = [target for target, _ in LINK.findall(path.read_text(encoding="utf-8"))]
    missing = [t for t in targets if "://" not in t and not t.startswith("mailto:") and not (path.parent / t).exists()]
    assert missing == []


def test_make_targets_in_the_readme_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`?make ([a-z-]+)`?", (ROOT / "README.md").read_text())) - {"does"}
    assert named <= targets


def test_the_readme_names_only_commands_that_exist():
    from django.core.management import get_commands

    named = set(re.findall(r"manage\.py (reco_\w+)", " ".join(path.read_text() for path in documents())))
    assert named
    assert named <= set(get_commands())
