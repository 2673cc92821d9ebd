"""Python in a process of its own, for tests that kill, fork or race."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRELUDE = """
import asyncio, os, signal, sys, threading, time
from reco_sdk.interactions.interaction import Interaction
from reco_sdk.items.item import Item
from reco_sdk.storage import schema
from reco_sdk.storage.sqlite import SqliteStore
path = sys.argv[1]
"""


def start(script, *args):
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + script, *map(str, args)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process, timeout=60):
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == 0, err
    return out


def run(script, *args):
    return finish(start(script, *args))
