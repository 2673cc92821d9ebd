"""Make the virtual environment that the Makefile's targets run in, and say what was done.

    python3 scripts/bootstrap.py            what the demo needs
    python3 scripts/bootstrap.py --oscar    the same and django-oscar
    python3 scripts/bootstrap.py --dev      what the tests need, too

A stamp in the environment makes a second call instant. Environment variables:

``VENV``
    Where the environment lies; default ``.venv``.
``RECO_TORCH_INDEX``
    A package index to take torch from. On Linux the default torch wheel brings gigabytes of CUDA libraries; a
    machine without a GPU saves them with the CPU wheel index that pytorch.org names under "Get started".
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
OLDEST = (3, 11)
CANDIDATES = ("python3", "python3.13", "python3.12", "python3.11", "python3.14")
COMPILERS = ("c++", "g++", "clang++", "cl")
VERSION_CODE = "import sys; print(*sys.version_info[:2])"


def say(text: str) -> None:
    print(f"bootstrap: {text}", flush=True)


def run(*command: str, check: bool = True) -> bool:
    """Run a command; leave with its output when it fails and must not."""
    done = subprocess.run(command, check=False, cwd=ROOT)
    if done.returncode and check:
        sys.exit(f"bootstrap: failed (exit {done.returncode}): {' '.join(command)}")
    return done.returncode == 0


def find_python() -> str:
    """Return an interpreter that is new enough, this one first."""
    if sys.version_info[:2] >= OLDEST:
        return sys.executable
    for name in CANDIDATES:
        path = shutil.which(name)
        if path is None:
            continue
        answer = subprocess.run([path, "-c", VERSION_CODE], check=False, capture_output=True, text=True)
        if answer.returncode == 0 and tuple(map(int, answer.stdout.split())) >= OLDEST:
            return path
    sys.exit("bootstrap: Python 3.11 or newer is needed; install it and call again, or set PYTHON=/path/to/python3.11")


def make_venv(venv: Path) -> str:
    """Create the environment if it is not there; return its interpreter."""
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if python.exists() and run(str(python), "-m", "pip", "--version", check=False):
        return str(python)
    found = find_python()
    say(f"creating {venv.name} with {found}")
    if not run(found, "-m", "venv", "--clear", str(venv), check=False):
        install_venv_module(found)
        run(found, "-m", "venv", "--clear", str(venv))
    return str(python)


def install_venv_module(python: str) -> None:
    """Debian ships Python without ``venv``: install it where that is possible, else say how."""
    version = subprocess.run([python, "-c", VERSION_CODE], check=True, capture_output=True, text=True).stdout.split()
    package = f"python{'.'.join(version)}-venv"
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        say(f"this Python has no venv module; installing {package}")
        run("apt-get", "update", "-q")
        run("apt-get", "install", "-y", "-q", package)
    else:
        sys.exit(f"bootstrap: this Python has no venv module; install it (Debian, Ubuntu: sudo apt-get install {package})")


def pip_install(python: str, *arguments: str, check: bool = True) -> bool:
    pinned = ("-c", str(CONSTRAINTS)) if CONSTRAINTS.exists() else ()
    return run(python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *pinned, *arguments, check=check)


def pinned_torch() -> str:
    """Return the torch requirement that constraints.txt pins."""
    lines = CONSTRAINTS.read_text().splitlines() if CONSTRAINTS.exists() else []
    return next((line for line in lines if re.match(r"torch==", line)), "torch")


def install_torch(python: str) -> None:
    """Install torch by itself, first, so that its index is the only thing that differs between machines."""
    index = os.environ.get("RECO_TORCH_INDEX")
    if not index and sys.platform == "linux" and not has_nvidia():
        say("no NVIDIA GPU found; if torch is about to bring CUDA libraries that you do not want, stop and set")
        say("    RECO_TORCH_INDEX to the CPU wheel index that pytorch.org names (see README, 'Installing')")
    say(f"installing {pinned_torch()}{' from RECO_TORCH_INDEX' if index else ''}")
    pip_install(python, *(("--index-url", index) if index else ()), pinned_torch())


def has_nvidia() -> bool:
    return shutil.which("nvidia-smi") is not None or Path("/dev/nvidia0").exists()


def install_hnswlib(python: str) -> None:
    """Install the graph index where there is a compiler; without it the exact index serves."""
    if run(python, "-c", "import importlib.util as i, sys; sys.exit(i.find_spec('hnswlib') is None)", check=False):
        return
    compiler = next((path for path in map(shutil.which, COMPILERS) if path), None)
    if compiler is None:
        say("no C++ compiler: going on without hnswlib; searches are exact, which is fast to about 20,000 items")
        return
    say(f"compiling hnswlib with {compiler} (a minute or two)")
    if not pip_install(python, "hnswlib", check=False):
        say("hnswlib did not compile: going on without it; searches are exact, which is fast to about 20,000 items")


def stamp_of(profile: str) -> str:
    """Return a digest of all that decides what is installed."""
    digest = hashlib.sha256(f"{profile} {os.environ.get('RECO_TORCH_INDEX')}".encode())
    for path in (ROOT / "pyproject.toml", CONSTRAINTS, Path(__file__)):
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dev", action="store_true", help="install what the tests need, too")
    parser.add_argument("--oscar", action="store_true", help="install what the demo over django-oscar needs, too")
    options = parser.parse_args()
    profile = "dev" if options.dev else "demo-oscar" if options.oscar else "demo"
    venv = ROOT / os.environ.get("VENV", ".venv")
    stamps = {name: venv / f".stamp-{name}" for name in ("demo", "demo-oscar", "dev")}
    for name in dict.fromkeys(("dev", "demo-oscar", profile) if profile == "demo" else ("dev", profile)):  # who holds all of it
        if stamps[name].exists() and stamps[name].read_text() == stamp_of(name):
            say(f"{venv.name} is up to date ({name})")
            return
    started = time.monotonic()
    python = make_venv(venv)
    install_torch(python)
    say(f"installing the project with extra [{profile}]")
    pip_install(python, "-e", f".[{profile}]")
    install_hnswlib(python)
    stamps[profile].write_text(stamp_of(profile))
    say(f"{venv.name} is ready ({profile}, {time.monotonic() - started:.0f} s)")


if __name__ == "__main__":
    main()
