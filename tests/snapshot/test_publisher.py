"""Which snapshot serves, through damage, crashes and builders that meet."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from reco_sdk.errors import BuildInProgress, SnapshotError
from reco_sdk.snapshot.format import Snapshot, write_snapshot
from reco_sdk.snapshot.publisher import SnapshotFolder


@pytest.fixture
def folder(tmp_path) -> SnapshotFolder:
    return SnapshotFolder(tmp_path / "state")


def write(folder: SnapshotFolder, number: int = 0) -> Path:
    return write_snapshot(folder.root, {"vectors": np.full((50, 4), number, dtype=np.float32)}, {"number": number})


def publish(folder: SnapshotFolder, number: int = 0) -> Path:
    path = write(folder, number)
    folder.publish(path)
    return path


def damage(path: Path) -> None:
    data = bytearray((path / "vectors.npy").read_bytes())
    data[-1] ^= 1
    (path / "vectors.npy").write_bytes(data)


def child(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def test_a_missing_folder_holds_nothing(folder):
    assert folder.current() is None
    assert folder.snapshots() == []
    assert folder.open_latest() is None
    assert folder.prune() == []


def test_the_published_one_is_current(folder):
    first = publish(folder, 1)
    second = write(folder, 2)
    assert folder.current() == first
    folder.publish(second)
    assert folder.current() == second
    assert folder.open_latest().meta == {"number": 2}


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"../../etc", b"/etc", b"snapshot-000099-00000000", b"x" * 10_000, b"."])
def test_a_damaged_pointer_is_no_snapshot_but_the_newest_serves(folder, text):
    publish(folder, 1)
    publish(folder, 2)
    (folder.root / "CURRENT").write_bytes(text)
    assert folder.current() is None
    assert folder.open_latest().meta == {"number": 2}


def test_only_a_snapshot_of_this_folder_is_published(folder, tmp_path):
    path = publish(folder, 1)
    elsewhere = write(SnapshotFolder(tmp_path / "other"))
    for wrong in (elsewhere, folder.root, folder.root / "snapshot-000077-00000000"):
        with pytest.raises(SnapshotError, match="no snapshot of"):
            folder.publish(wrong)
    assert folder.current() == path


def test_a_pointer_that_cannot_be_written_leaves_the_old_one(folder, monkeypatch):
    old = publish(folder, 1)
    new = write(folder, 2)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SnapshotError, match="No space left"):
        folder.publish(new)
    assert folder.current() == old
    assert not [path for path in folder.root.iterdir() if path.name.startswith(".tmp")]


def test_a_damaged_current_is_refused_logged_and_the_one_before_serves(folder, caplog):
    for number in (1, 2, 3):
        path = publish(folder, number)
    damage(path)
    with caplog.at_level(logging.WARNING):
        assert folder.open_latest().meta == {"number": 2}
    assert "snapshot refused" in caplog.text
    assert "vectors.npy" in caplog.text
    assert "earlier snapshot" in caplog.text


def test_one_that_was_never_published_does_not_stand_in(folder):
    publish(folder, 1)
    current = publish(folder, 2)
    write(folder, 3)
    damage(current)
    assert folder.open_latest().meta == {"number": 1}


def test_when_all_are_damaged_there_is_none(folder, caplog):
    damage(publish(folder, 1))
    damage(publish(folder, 2))
    assert folder.open_latest() is None
    assert caplog.text.count("snapshot refused") == 2


def test_prune_keeps_the_current_one_and_the_newest(folder):
    paths = [publish(folder, number) for number in range(5)]
    folder.publish(paths[1])
    assert set(folder.prune(keep=2)) == {paths[0], paths[2], paths[3]}
    assert set(folder.snapshots()) == {paths[1], paths[4]}
    assert folder.prune(keep=1) == [paths[4]]
    assert folder.current() == paths[1]
    with pytest.raises(SnapshotError):
        folder.prune(keep=0)


def test_prune_leaves_strangers_and_living_builders_alone(folder):
    publish(folder)
    mine = folder.root / f"{_prefix(os.getpid())}00000000"
    mine.mkdir()
    stranger = folder.root / "notes.txt"
    stranger.write_text("keep")
    elsewhere = folder.root / ".tmp-ffffffff-1-00000000"
    elsewhere.mkdir()
    assert folder.prune() == []
    os.utime(elsewhere, (time.time() - 2 * 86_400,) * 2)
    assert folder.prune() == [elsewhere]
    assert mine.is_dir()
    assert stranger.exists()


def _prefix(pid: int) -> str:
    from reco_sdk.snapshot.format import temporary_prefix

    return temporary_prefix(pid)


KILLED = """
    import sys, time
    from pathlib import Path
    import numpy as np
    from reco_sdk.snapshot.format import write_snapshot
    from reco_sdk.snapshot.publisher import SnapshotFolder

    def slow(path):
        path.write_bytes(bytes(1_000_000))
        print("writing", flush=True)
        time.sleep(60)

    with SnapshotFolder(sys.argv[1]).build_lock():
        write_snapshot(sys.argv[1], {"vectors": np.ones((1000, 4), np.float32)}, {}, {"hnsw.bin": slow})
"""


def test_a_builder_that_is_killed_leaves_the_current_one_serving_and_no_lock(folder):
    current = publish(folder, 1)
    builder = child(KILLED, str(folder.root))
    assert builder.stdout.readline() == "writing\n"
    with pytest.raises(BuildInProgress, match=str(builder.pid)), folder.build_lock():
        pass
    builder.send_signal(signal.SIGKILL)
    builder.communicate()
    assert folder.current() == current
    assert folder.open_latest().meta == {"number": 1}
    with folder.build_lock():
        removed = folder.prune()
    assert [path.name.startswith(".tmp-") for path in removed] == [True]
    assert folder.snapshots() == [current]


def test_of_two_builders_one_is_refused(folder):
    with folder.build_lock():
        with pytest.raises(BuildInProgress, match=str(os.getpid())), folder.build_lock():
            pass
        other = child(
            """
            import sys
            from reco_sdk.errors import BuildInProgress
            from reco_sdk.snapshot.publisher import SnapshotFolder
            try:
                with SnapshotFolder(sys.argv[1]).build_lock(): print("built")
            except BuildInProgress as error: print(error)
            """,
            str(folder.root),
        )
        assert f"process {os.getpid()} is building" in other.communicate()[0]
    with folder.build_lock():
        pass


def test_the_lock_is_given_back_when_a_build_fails(folder):
    with pytest.raises(ZeroDivisionError), folder.build_lock():
        raise ZeroDivisionError
    with folder.build_lock():
        pass


def test_a_lock_that_cannot_be_made_is_a_typed_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SnapshotError, match="no build lock"), SnapshotFolder(tmp_path / "file").build_lock():
        pass


def test_readers_see_a_whole_snapshot_while_others_are_published_and_pruned(folder):
    publish(folder, 0)
    done = threading.Event()
    seen: list[int] = []

    def read() -> None:
        while not done.is_set():
            snapshot = folder.open_latest()
            seen.append(-1 if snapshot is None else int(snapshot.array("vectors")[0, 0]))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 15):
        publish(folder, number)
        folder.prune(keep=2)
    done.set()
    reader.join()
    assert -1 not in seen
    assert seen == sorted(seen)


def test_a_snapshot_in_use_survives_being_pruned(folder):
    publish(folder, 1)
    snapshot = folder.open_latest()
    assert isinstance(snapshot, Snapshot)
    publish(folder, 2)
    assert folder.prune(keep=1) == []
    assert snapshot.array("vectors").sum() == 200
    path = snapshot.path
    del snapshot
    assert folder.prune(keep=1) == [path]


IN_USE = """
    import sys
    from reco_sdk.snapshot.publisher import SnapshotFolder
    snapshot = SnapshotFolder(sys.argv[1]).open_latest()
    print("serving", flush=True)
    sys.stdin.readline()
"""


def test_what_another_process_serves_stays_until_it_ends(folder):
    first = publish(folder, 1)
    other = child(IN_USE, str(folder.root))
    assert other.stdout.readline() == "serving\n"
    publish(folder, 2)
    assert folder.prune(keep=1) == []
    other.kill()  # however it ends
    other.wait()
    other.stdin.close(), other.stdout.close()
    assert folder.prune(keep=1) == [first]


def test_one_worker_a_host_even_when_the_folder_was_removed(folder):
    lock, other = folder.worker_lock, SnapshotFolder(folder.root).worker_lock
    assert not other.taken()
    assert lock.acquire()
    assert lock.acquire()
    assert lock.held
    assert other.taken()
    assert not other.acquire()
    assert other.holder() == str(os.getpid())
    shutil.rmtree(folder.root)
    assert not lock.held
    assert other.acquire()  # nothing is left that would keep it out …
    assert not lock.acquire()  # … and whoever held it notices
    other.release()
    assert lock.acquire()
    lock.release()
    lock.release()
    assert other.holder() == "unknown"


def test_a_workers_lock_ends_with_it(folder):
    code = """
        import sys
        from reco_sdk.snapshot.publisher import SnapshotFolder
        folder = SnapshotFolder(sys.argv[1])
        print(folder.worker_lock.acquire(), flush=True)
        sys.stdin.readline()
    """
    other = child(code, str(folder.root))
    assert other.stdout.readline() == "True\n"
    assert folder.worker_lock.taken()
    assert not folder.worker_lock.acquire()
    other.kill()
    other.wait()
    other.stdin.close(), other.stdout.close()
    assert folder.worker_lock.acquire()
    folder.worker_lock.release()
