"""Write constraints.txt from a clean resolve: a new environment, the newest versions pyproject.toml allows, pinned.

    python3 scripts/lock.py [--torch 2.13.0]

The pins are plain ``name==version`` lines: no local versions such as ``+cpu``, no addresses, not this project itself.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = """\
# Exact versions of everything that `make demo` and `make test` install.
# Written by scripts/lock.py from a clean resolve; run it again to move them. Packages that only some platforms
# need (the CUDA libraries of torch, for example) are not named here: their dependants pin them.
"""
NOT_PINNED = frozenset({"reco-sdk", "pip", "setuptools", "wheel"})


def pins(freeze: str) -> list[str]:
    """Return sorted ``name==version`` lines of a ``pip freeze``, without local versions and editable installs."""
    kept = []
    for line in freeze.splitlines():
        name, separator, version = line.partition("==")
        if separator and not name.startswith("#") and name.lower() not in NOT_PINNED:
            kept.append(f"{name}=={version.partition('+')[0]}")
    return sorted(kept, key=str.lower)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", default="2.13.0", help="the torch version to pin")
    torch = f"torch=={parser.parse_args().torch}"
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        for requirements in ([torch], ["hnswlib"], ["-e", ".[dev]"]):
            subprocess.run([python, "-m", "pip", "install", "-qq", *requirements], check=True, cwd=ROOT)
        freeze = subprocess.run([python, "-m", "pip", "freeze"], check=True, capture_output=True, text=True).stdout
    lines = pins(freeze)
    (ROOT / "constraints.txt").write_text(HEADER + "\n".join(lines) + "\n")
    sys.stdout.write(f"lock: {len(lines)} packages pinned in constraints.txt\n")


if __name__ == "__main__":
    main()
