"""Translations of the Django app: what is marked, what is missing, and the compiled files, without gettext's own tools.

``python scripts/translations.py`` adds what is marked to every ``django.po`` (empty, to be filled in), drops what is not marked
any more, and writes each ``django.mo``. It ends with 1 while something has no translation.
"""

from __future__ import annotations

import ast
import re
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "django_reco"
CORE = PACKAGE.parent / "reco_sdk"
LANGUAGES = {"de": "nplurals=2; plural=(n != 1);", "fr": "nplurals=2; plural=(n > 1);", "zh_Hans": "nplurals=1; plural=0;"}
SINGLE = {"_", "gettext", "gettext_lazy", "gettext_noop"}
SEVERAL = {"ngettext", "ngettext_lazy"}
SAID = {"said"}
"""The core's own mark: one text, or two where something is counted."""
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%%|%[sd]|\{\w*\}")
Key = tuple[str, str]
"""A message, and its plural or nothing."""


@dataclass
class Messages:
    """One ``django.po``."""

    path: Path
    entries: dict[Key, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Messages:
        """Return what a file holds; nothing where there is none."""
        found = cls(path)
        blocks = path.read_text(encoding="utf-8").split("\n\n") if path.exists() else []
        for block in blocks:
            parts: dict[str, str] = {}
            name = ""
            for line in block.splitlines():
                if line.startswith("#") or not line.strip():
                    continue
                quoted = line
                if not line.startswith('"'):
                    name, _, quoted = line.partition(" ")
                parts[name] = parts.get(name, "") + ast.literal_eval(quoted)
            if parts.get("msgid"):
                texts = [parts[name] for name in sorted(parts) if name.startswith("msgstr")]
                found.entries[parts["msgid"], parts.get("msgid_plural", "")] = texts
        return found

    @property
    def language(self) -> str:
        """The locale's name."""
        return self.path.parts[-3]

    @property
    def header(self) -> str:
        """What gettext reads of the file itself."""
        plurals = LANGUAGES[self.language]
        return f"Language: {self.language}\nContent-Type: text/plain; charset=UTF-8\nPlural-Forms: {plurals}\n"

    @property
    def forms(self) -> int:
        """How many forms a plural has."""
        return int(LANGUAGES[self.language][len("nplurals=")])

    def missing(self, marked: set[Key]) -> list[str]:
        """Return what has no translation, or one whose placeholders are not those of the message."""
        out = []
        for key in sorted(marked):
            texts = self.entries.get(key, [])
            wanted = sorted(PLACEHOLDER.findall(key[1] or key[0]))
            whole = len(texts) == (self.forms if key[1] else 1) and all(texts)
            # A plural's first form may say its number in a word.
            if not whole or any(sorted(PLACEHOLDER.findall(text)) != wanted for text in texts[-1:]):
                out.append(key[0])
        return out

    def text(self) -> str:
        """Return the file's text."""
        quoted = "\n".join(_quoted(line + "\n") for line in self.header.splitlines())
        blocks = [f'msgid ""\nmsgstr ""\n{quoted}']
        for (message, plural), texts in sorted(self.entries.items()):
            if plural:
                forms = "\n".join(f"msgstr[{n}] {_quoted(text)}" for n, text in enumerate(texts))
                blocks.append(f"msgid {_quoted(message)}\nmsgid_plural {_quoted(plural)}\n{forms}")
            else:
                blocks.append(f"msgid {_quoted(message)}\nmsgstr {_quoted(texts[0])}")
        return "\n\n".join(blocks) + "\n"

    def compiled(self) -> bytes:
        """Return the bytes of ``django.mo``; a message without translation is left out."""
        pairs = {b"": self.header.encode()}
        for (message, plural), texts in self.entries.items():
            if all(texts):
                pairs[f"{message}\0{plural}".encode() if plural else message.encode()] = "\0".join(texts).encode()
        keys = sorted(pairs)
        count, start = len(keys), 28 + 16 * len(keys)
        tables, blob = [b"", b""], b""
        for place, entries in enumerate((keys, [pairs[key] for key in keys])):
            for entry in entries:
                tables[place] += struct.pack("<II", len(entry), start + len(blob))
                blob += entry + b"\0"
        return struct.pack("<7I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, start) + tables[0] + tables[1] + blob


def marked() -> set[Key]:
    """Return every message that the app's code and templates mark, and what the core says to people."""
    from django.utils.translation.template import templatize  # noqa: PLC0415  the rest needs no Django

    found: set[Key] = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        found |= _in_code(path.read_text(encoding="utf-8"))
    for path in sorted(CORE.rglob("*.py")):
        found |= _in_code(path.read_text(encoding="utf-8"), SAID, SAID)
    for path in sorted(PACKAGE.rglob("*.html")):
        # What comes back holds the calls, and X for everything else.
        for call in re.findall(
            r"\b_?n?(?:gettext|_)\((?:[^()'\"]|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")*\)", templatize(path.read_text())
        ):
            found |= _in_code(call)
    return found


def _in_code(source: str, single: set[str] = SINGLE, several: set[str] = SEVERAL) -> set[Key]:
    found: set[Key] = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if name in single and len(texts) == 1:
            found.add((texts[0], ""))
        elif name in several and len(texts) == 2:
            found.add((texts[0], texts[1]))
    return found


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def catalogues() -> list[Messages]:
    """Return the translations, a language each."""
    return [Messages.read(PACKAGE / "locale" / name / "LC_MESSAGES" / "django.po") for name in LANGUAGES]


def main() -> int:
    wanted, incomplete = marked(), False
    for messages in catalogues():
        empty = {key: [""] * (messages.forms if key[1] else 1) for key in wanted}
        messages.entries = {key: messages.entries.get(key, texts) for key, texts in empty.items()}
        messages.path.parent.mkdir(parents=True, exist_ok=True)
        messages.path.write_text(messages.text(), encoding="utf-8")
        messages.path.with_suffix(".mo").write_bytes(messages.compiled())
        missing = messages.missing(wanted)
        incomplete = incomplete or bool(missing)
        print(f"{messages.language}: {len(wanted) - len(missing)} of {len(wanted)} translated")
        for text in missing:
            print(f"  missing: {text}")
    return int(incomplete)


if __name__ == "__main__":
    sys.exit(main())
