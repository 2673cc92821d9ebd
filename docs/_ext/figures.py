"""``{figures} file.json``: the figures of one benchmark run beside their bars."""

from __future__ import annotations

import json
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_SENSES = {"<=": "≤", ">=": "≥", "==": "="}


class FiguresTable(SphinxDirective):
    """One row a bar, then the machine that it was measured on."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir) / self.arguments[0]
        self.env.note_dependency(str(path))
        data = json.loads(path.read_text(encoding="utf-8"))
        rows = [
            f"* - `{result['name']}`\n  - {bar['meaning']}\n  - {bar['value']:.3g}\n"
            f"  - {_SENSES[bar['sense']]} {bar['limit']:g}\n  - {'reached' if bar['passed'] else 'not reached'}"
            for result in data["results"]
            for bar in result["bars"]
            if bar["value"] is not None
        ]
        head = "```{list-table}\n:header-rows: 1\n:widths: 10 54 12 12 12\n\n"
        head += "* - Benchmark\n  - Figure\n  - Measured\n  - Bar\n  - \n"
        machine = data["machine"]
        packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items() if version)
        facts = f"\n{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}; {packages}; {machine['at'][:10]}."
        lines = (head + "\n".join(rows) + "\n```\n" + facts).splitlines()
        container = nodes.container()
        self.state.nested_parse(StringList(lines, source=str(path)), 0, container)
        return container.children


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("figures", FiguresTable)
    return {"parallel_read_safe": True}
