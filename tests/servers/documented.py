"""The commands of docs/howto/servers.md, which are the ones that are tested."""

import shlex
import sys

from tests.project.documents import ROOT, blocks
from tests.servers.databases import MANAGE

PAGE = ROOT / "docs" / "howto" / "servers.md"
OURS = "tests.servers.shop"


def commands(*programs):
    """Return the page's lines that start with one of these programs."""
    lines = [line for block in blocks("sh", PAGE) for line in block.code.splitlines()]
    found = [line for line in lines if line.split()[0] in programs]
    if not found:
        raise LookupError(f"{PAGE} shows no command of {programs}")
    return found


def runnable(line, *more):
    """Return the arguments of a line of the page, for the shop of the tests and this very Python."""
    program, *arguments = (word.replace("shop.", f"{OURS}.") for word in shlex.split(line))
    if program == "python":
        return [sys.executable, str(MANAGE), *arguments[1:], *more]
    return [sys.executable, "-m", program, *arguments, *more]


def example(word):
    """Return the page's Python block that holds a word, for the shop of the tests."""
    return next(block.code for block in blocks("python", PAGE) if word in block.code).replace('"shop.', f'"{OURS}.')
