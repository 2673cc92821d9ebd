"""Break each invariant once, in a copy, and see a test fail: ``make invariants``.

The seven invariants stand in docs/architecture.md, each with the tests that hold it. Here each is broken as a careless change
would break it, by one edit of one file; a break that its test survives is a test that holds nothing, and ends this with 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[1]
LONGEST_SECONDS: Final = 120.0
FAILED: Final = 1
"""What pytest ends with when tests ran and some failed."""


class Break(NamedTuple):
    """One edit that breaks an invariant.

    Parameters
    ----------
    number
        Of the invariant.
    what
        What would be wrong then.
    path, old, new
        The file; what stands there, once; what stands there instead.
    test
        What must fail, as pytest names it.
    """

    number: int
    what: str
    path: str
    old: str
    new: str
    test: str


BREAKS: Final = (
    Break(
        1,
        "a request reads the store",
        "reco_sdk/recommender.py",
        "        slate = self.answer(\n",
        "        await self.store.get_items([])\n        slate = self.answer(\n",
        "tests/core/test_invariants.py::test_the_request_path_never_reaches_the_store_the_model_or_the_snapshot_folder",
    ),
    Break(
        1,
        "a request waits for a lock that writers hold",
        "reco_sdk/recommender.py",
        "        return self._shown(self.engine.recommend(request), request.visitor_id, request.user_id)\n",
        "        with self._follower._apply_lock:\n"
        "            return self._shown(self.engine.recommend(request), request.visitor_id, request.user_id)\n",
        "tests/core/test_invariants.py::test_a_request_waits_for_no_lock_that_a_writer_holds",
    ),
    Break(
        1,
        "sources are asked past the deadline",
        "reco_sdk/engine.py",
        "deadline = started + self._config.deadline_ms / 1_000.0 if trace is None else math.inf",
        "deadline = math.inf",
        "tests/core/test_requests.py::test_past_the_deadline_a_cheaper_tier_answers",
    ),
    Break(
        1,
        "an exception leaves a tag",
        "django_reco/templatetags/reco.py",
        '        except Exception as error:\n            metrics.count("tag.error")\n',
        '        except ZeroDivisionError as error:\n            metrics.count("tag.error")\n',
        "tests/django/test_tags.py::test_broken_engine_leaves_the_page",
    ),
    Break(
        2,
        "what happened is known from the snapshot alone",
        "reco_sdk/following.py",
        "await self._store.interaction_sequence() - COUNTED_WITHOUT_SNAPSHOT",
        "await self._store.interaction_sequence()",
        "tests/core/test_recommender.py::test_the_state_folder_may_be_deleted",
    ),
    Break(
        3,
        "a snapshot can be written to while it serves",
        "reco_sdk/snapshot/format.py",
        'mmap_mode="r"',
        'mmap_mode="r+"',
        "tests/snapshot/test_format.py::test_arrays_are_mapped_read_only_and_outlive_the_folder",
    ),
    Break(
        3,
        "the delta's rows are not searched",
        "reco_sdk/snapshot/view.py",
        "        if self.n_delta:\n            parts.append(self._search_delta(query, k, mask))\n",
        "",
        "tests/core/test_view.py::test_a_search_is_the_head_of_a_plain_sort",
    ),
    Break(
        4,
        "a forked child talks to its parent's loop",
        "reco_sdk/blocking.py",
        "        if self._loop is None or self._pid != os.getpid():\n",
        "        if self._loop is None:\n",
        "tests/core/test_blocking.py::test_after_a_fork_parent_and_child_both_work",
    ),
    Break(
        5,
        "a lower layer reaches up",
        "reco_sdk/cache.py",
        "from __future__ import annotations\n",
        "from __future__ import annotations\n\n\ndef _up() -> None:\n    import reco_sdk.engine  # noqa: F401\n",
        "tests/project/test_layers.py::test_the_import_contracts_hold",
    ),
    Break(
        5,
        "the core knows Django",
        "reco_sdk/cache.py",
        "from __future__ import annotations\n",
        "from __future__ import annotations\n\n\ndef _django() -> None:\n    import django  # noqa: F401\n",
        "tests/project/test_layers.py::test_the_core_never_imports_django",
    ),
    Break(
        5,
        "serving loads torch",
        "reco_sdk/engine.py",
        "import numpy as np\n",
        "import numpy as np\nimport torch  # noqa: F401\n",
        "tests/project/test_layers.py::test_serving_a_recommendation_loads_no_torch",
    ),
    Break(
        6,
        "ready() starts a thread",
        "django_reco/apps.py",
        "        receivers.connect()\n",
        "        receivers.connect()\n        import threading\n\n"
        "        threading.Thread(target=threading.Event().wait, daemon=True).start()\n",
        "tests/project/test_layers.py::test_ready_is_free",
    ),
    Break(
        7,
        "a model ships whether it wins or not",
        "reco_sdk/learning/gate.py",
        "    if serving.low > 0.0 and not worse:\n",
        "    if not worse or worse:\n",
        "tests/learning/test_training.py::test_what_learnt_nothing_is_refused",
    ),
)


def copied(target: Path) -> None:
    """Copy what git knows of, as it stands in the working tree."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        source = ROOT / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


def ended(tree: Path, test: str) -> int:
    """Run a test in a tree; return what pytest ended with. One that hangs is taken for one that failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test]
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        command, cwd=tree, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as running:
        try:
            return running.wait(LONGEST_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)  # what it started, too
            return FAILED


def main() -> int:
    """Break what was asked for; return 1 where a break went unnoticed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=int, choices=sorted({b.number for b in BREAKS}), help="one invariant, by its number")
    parser.add_argument("--dry-run", action="store_true", help="list the breaks and their tests")
    options = parser.parse_args()
    breaks = [b for b in BREAKS if options.only in (None, b.number)]
    if options.dry_run:
        for each in breaks:
            print(f"{each.number}  {each.what}\n   {each.path}\n   {each.test}")
        return 0
    unnoticed = 0
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name)
        copied(tree)
        for count, each in enumerate(breaks, 1):
            started = time.monotonic()
            whole = ended(tree, each.test)
            path = tree / each.path
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(each.old, each.new), encoding="utf-8")
            broken = ended(tree, each.test)
            path.write_text(text, encoding="utf-8")
            noticed = whole == 0 and broken == FAILED and text.count(each.old) == 1
            unnoticed += not noticed
            said = "noticed" if noticed else f"NOT NOTICED (pytest ended with {whole} before, {broken} after)"
            seconds = time.monotonic() - started
            print(f"{count:2}/{len(breaks)}  invariant {each.number}: {each.what}: {said}, {seconds:.0f} s", flush=True)
    print(f"{len(breaks) - unnoticed} of {len(breaks)} breaks were noticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
