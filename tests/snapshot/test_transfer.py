"""A snapshot in one file: whole on the other side, or not there at all."""

import io
import json
import os
import tarfile

import numpy as np
import pytest

from reco_sdk.errors import BuildInProgress, SnapshotCorrupt, SnapshotError
from reco_sdk.snapshot.format import write_snapshot
from reco_sdk.snapshot.publisher import SnapshotFolder
from reco_sdk.snapshot.transfer import export_snapshot, import_snapshot


@pytest.fixture
def here(tmp_path):
    folder = SnapshotFolder(tmp_path / "here")
    arrays = {"vectors": np.arange(40_000, dtype=np.float32).reshape(-1, 4), "ids": np.arange(9)}
    files = {"hnsw.bin": lambda path: path.write_bytes(b"graph" * 1_000)}
    folder.publish(write_snapshot(folder.root, arrays, {"items": 9}, files))
    return folder


@pytest.fixture
def there(tmp_path):
    return SnapshotFolder(tmp_path / "there")


@pytest.fixture
def file(here, tmp_path):
    export_snapshot(here, tmp_path / "snapshot.tar")
    return tmp_path / "snapshot.tar"


def anything(_meta):
    pass


def left(folder):
    return sorted(path.name for path in folder.root.iterdir() if not path.name.endswith(".lock"))


def test_there_and_back(here, there, file):
    seen = []
    path = import_snapshot(there, file, seen.append)
    assert seen == [{"items": 9}]
    assert there.current() == path
    snapshot = there.open_latest()
    snapshot.verify()
    assert np.array_equal(snapshot.array("vectors"), here.open_latest().array("vectors"))
    assert snapshot.file("hnsw.bin").read_bytes() == b"graph" * 1_000
    again = import_snapshot(there, file, anything)
    assert again != path
    assert there.current() == again


def test_nothing_to_export_and_nowhere_to_put_it(here, there, tmp_path):
    with pytest.raises(SnapshotError, match="run sync"):
        export_snapshot(there, tmp_path / "x.tar")
    with pytest.raises(SnapshotError, match="was not written"):
        export_snapshot(here, tmp_path / "not" / "there.tar")
    (here.current() / "vectors.npy").write_bytes(b"x")
    with pytest.raises(SnapshotCorrupt):
        export_snapshot(here, tmp_path / "x.tar")
    assert not list(tmp_path.glob("*.tar*"))


def test_what_is_refused_leaves_what_serves(there, file):
    first = import_snapshot(there, file, anything)
    before = left(there)

    def refuse(_meta):
        raise SnapshotError("of another store")

    with pytest.raises(SnapshotError, match="of another store"):
        import_snapshot(there, file, refuse)
    assert left(there) == before
    assert there.current() == first
    with there.build_lock(), pytest.raises(BuildInProgress):
        import_snapshot(there, file, anything)


@pytest.mark.parametrize("size", [0, 100, 600, 30_000, -2_000])
def test_a_file_that_was_cut_off_is_refused(there, file, size):
    os.truncate(file, size if size >= 0 else file.stat().st_size + size - 12_000)
    with pytest.raises(SnapshotError, match=r"export"):
        import_snapshot(there, file, anything)
    assert left(there) == []


def test_a_flipped_byte_is_refused(there, file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(SnapshotError):
        import_snapshot(there, file, anything)
    assert left(there) == []


def rewritten(file, change):
    """Write the file again with one member changed or added by ``change(name, content)``."""
    with tarfile.open(file) as tar:
        members = [(m.name, tar.extractfile(m).read()) for m in tar]
    with tarfile.open(file, "w") as tar:
        for name, content in [pair for member in members for pair in change(*member)]:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize(
    "change",
    [
        lambda name, content: [(name, content), ("../../evil", b"x")],
        lambda name, content: [(name, content), ("/etc/evil", b"x")],
        lambda name, content: [(name, content), ("snapshot/more.npy", b"x")],
        lambda name, content: [(name, content), (name, content)] if name.endswith("ids.npy") else [(name, content)],
        lambda name, content: [] if name.endswith("ids.npy") else [(name, content)],
        lambda name, content: [(name, content + b"x")],
        lambda name, content: [(name.replace("manifest", "other"), content)],
        lambda name, content: [(name, b"{}" if name.endswith("manifest.json") else content)],
        lambda name, content: [
            (name, json.dumps({"content": {"arrays": {"x": {"file": "../evil", "bytes": 1}}, "files": {}}}).encode()),
            ("snapshot/../evil", b"x"),
        ],
    ],
)
def test_what_is_no_snapshot_is_refused(there, file, change, tmp_path):
    rewritten(file, change)
    with pytest.raises(SnapshotCorrupt):
        import_snapshot(there, file, anything)
    assert left(there) == []
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path.parent / "evil").exists()


def test_a_link_in_the_file_is_refused(there, file):
    with tarfile.open(file, "a") as tar:
        link = tarfile.TarInfo("snapshot/ids.npy")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(SnapshotCorrupt):
        import_snapshot(there, file, anything)


def test_a_file_that_is_not_there(there, tmp_path):
    with pytest.raises(SnapshotError, match="was not imported"):
        import_snapshot(there, tmp_path / "gone.tar", anything)
