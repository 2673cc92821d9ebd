"""``{settings} module.Class``: a table of a settings dataclass, from its docstring and defaults, so that it cannot go stale."""

from __future__ import annotations

import dataclasses
import importlib
import re
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_NAMES = re.compile(r"^[a-z_]+(,\s+[a-z_]+)*$")


def described(cls: type[Any]) -> dict[str, str]:
    """Return what the numpy docstring of a dataclass says of each field."""
    texts: dict[str, list[str]] = {}
    names: list[str] = []
    for line in (cls.__doc__ or "").splitlines():
        text = line.strip()
        if line.startswith("    ") and not line.startswith("        ") and _NAMES.match(text):
            names = re.split(r",\s+", text)
        elif line.startswith("        ") and names:
            for name in names:
                texts.setdefault(name, []).append(text)
        elif not text:
            continue
        else:
            names = []
    return {name: " ".join(lines) for name, lines in texts.items()}


def default_of(field: dataclasses.Field[Any]) -> str:
    """Return the default as it would be written in settings.py."""
    if field.default is not dataclasses.MISSING:
        text = repr(field.default)
        return text if len(text) <= 40 else f"{text[:37]}…"
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
        return "see below" if dataclasses.is_dataclass(value) else repr(value)
    return "required"


class SettingsTable(SphinxDirective):
    """Key, default and meaning of each field; ``:upper:`` for keys of the ``RECO`` dict itself."""

    required_arguments = 1
    option_spec = {"upper": lambda _: True}  # noqa: RUF012 - docutils wants it so

    def run(self) -> list[nodes.Node]:
        module, _, name = self.arguments[0].rpartition(".")
        cls = getattr(importlib.import_module(module), name)
        texts = described(cls)
        lines = ["```{list-table}", ":header-rows: 1", ":widths: 18 18 64", "", "* - Key", "  - Default", "  - Meaning"]
        for field in dataclasses.fields(cls):
            if field.name not in texts:
                raise self.error(f"{cls.__name__}.{field.name} has no docstring entry")
            key = field.name.upper() if "upper" in self.options else field.name
            meaning = texts[field.name].replace("``", "`").replace(":class:`", "`")
            lines += [f"* - `{key}`", f"  - `{default_of(field)}`", f"  - {meaning}"]
        lines.append("```")
        container = nodes.container()
        self.state.nested_parse(StringList(lines, source=self.arguments[0]), 0, container)
        return container.children


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("settings", SettingsTable)
    return {"parallel_read_safe": True}
