"""The project's documents and the code blocks in them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    path: Path
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"

    def parse(self) -> ast.Module:
        return compile(self.code, str(self), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)


def documents() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def with_code() -> list[Path]:
    """All but the architecture page, which writes its contracts in shorthand."""
    return [path for path in documents() if path.name != "architecture.md"]


def blocks(language: str, *paths: Path) -> list[Block]:
    found = []
    for path in paths or with_code():
        text = path.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            indent, name, code = match.groups()
            if name == language:
                lines = [line.removeprefix(indent) for line in code.splitlines()]
                found.append(Block(path, text.count("\n", 0, match.start()) + 1, name, "\n".join(lines) + "\n"))
    return found
