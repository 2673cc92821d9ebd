"""The snapshot folder: whole or not at all, and what is damaged is refused."""

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
import zlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from reco_sdk.errors import SnapshotCorrupt, SnapshotError
from reco_sdk.snapshot import format as snapshot_format
from reco_sdk.snapshot.format import FORMAT_VERSION, Snapshot, snapshot_number, write_snapshot

ARRAYS = {
    "vectors": np.arange(60, dtype=np.float32).reshape(20, 3),
    "price": np.array([1.5, np.nan, -0.0]),
    "ids": np.array(["a", "rücken", "红"]),
    "none": np.empty((0, 3), dtype=np.float32),
    "one": np.array(7, dtype=np.int16),
}
META = {"model": "m", "count": 20, "nested": {"list": [1, 2.5, None, "ä"]}}


def write(root: Path, **changes) -> Path:
    parts = {"arrays": ARRAYS, "meta": META, "files": {"hnsw.bin": lambda path: path.write_bytes(b"graph" * 1000)}}
    return write_snapshot(root, **{**parts, **changes})


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 0x10
    path.write_bytes(data)


def rewrite(folder: Path, change) -> None:
    """Change the manifest as somebody would who also knows the checksum."""
    path = folder / "manifest.json"
    content = json.loads(path.read_text())["content"]
    change(content)
    checksum = f"{zlib.crc32(json.dumps(content, sort_keys=True).encode()):08x}"
    path.write_text(json.dumps({"checksum": checksum, "content": content}))


def test_what_is_written_is_read(tmp_path):
    before = datetime.now(UTC)
    path = write(tmp_path / "deep" / "state")
    snapshot = Snapshot.open(path)
    assert snapshot.meta == META
    assert before <= snapshot.created_at <= datetime.now(UTC)
    assert snapshot.library
    assert snapshot.array_names == ("ids", "none", "one", "price", "vectors")
    assert snapshot.file_names == ("hnsw.bin",)
    for name, values in ARRAYS.items():
        found = snapshot.array(name)
        assert (found.dtype, found.shape, type(found)) == (values.dtype, values.shape, np.ndarray)
        np.testing.assert_array_equal(found, values)
    assert snapshot.file("hnsw.bin").read_bytes() == b"graph" * 1000
    snapshot.verify()


def test_arrays_are_mapped_read_only_and_outlive_the_folder(tmp_path):
    path = write(tmp_path)
    vectors = Snapshot.open(path).array("vectors")
    assert not vectors.flags.writeable
    for file in path.iterdir():
        file.unlink()
    path.rmdir()
    np.testing.assert_array_equal(vectors, ARRAYS["vectors"])


def test_folders_are_numbered_in_the_order_of_writing(tmp_path):
    numbers = [snapshot_number(write(tmp_path)) for _ in range(3)]
    assert numbers == [1, 2, 3]
    assert snapshot_number(tmp_path / "snapshot-1-zz") is None


def test_no_pickle_is_written_or_read(tmp_path):
    with pytest.raises(SnapshotError, match="'things' holds Python objects"):
        write(tmp_path, arrays={"things": np.array([{}, []], dtype=object)})
    path = write(tmp_path)
    np.save(path / "price.npy", np.array([{}], dtype=object), allow_pickle=True)
    rewrite(path, lambda content: content["arrays"]["price"].update(describe(path / "price.npy")))
    with pytest.raises(SnapshotCorrupt, match="no array"):
        Snapshot.open(path)


def describe(path: Path) -> dict[str, object]:
    return {"bytes": path.stat().st_size, "crc32": f"{zlib.crc32(path.read_bytes()):08x}"}


@pytest.mark.parametrize("name", ["../out", "a/b", "", ".hidden", "a b", "x" * 80, "manifest"])
def test_names_stay_inside_the_folder(tmp_path, name):
    if name != "manifest":
        with pytest.raises(SnapshotError):
            write(tmp_path, arrays={name: np.zeros(3)})
    with pytest.raises(SnapshotError):
        write(tmp_path, files={"manifest.json" if name == "manifest" else name: lambda path: path.write_bytes(b"x")})
    assert list(tmp_path.iterdir()) == []


def test_a_file_cannot_take_an_arrays_place(tmp_path):
    with pytest.raises(SnapshotError, match="taken"):
        write(tmp_path, files={"price.npy": lambda path: path.write_bytes(b"x")})


@pytest.mark.parametrize("file", ["/etc/passwd", "../x.npy", "sub/x.npy", ".."])
def test_a_manifest_cannot_lead_outside(tmp_path, file):
    path = write(tmp_path)
    rewrite(path, lambda content: content["arrays"]["price"].update(file=file))
    with pytest.raises(SnapshotCorrupt, match="no name"):
        Snapshot.open(path)


@pytest.mark.parametrize("file", ["vectors.npy", "price.npy", "ids.npy", "none.npy", "one.npy", "hnsw.bin", "manifest.json"])
@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 0.99])
def test_a_flipped_byte_in_any_file_is_refused(tmp_path, file, place):
    path = write(tmp_path)
    damaged = path / file
    flip(damaged, int(place * damaged.stat().st_size))
    with pytest.raises(SnapshotCorrupt, match=file.replace(".", r"\.")):
        Snapshot.open(path)


def test_large_files_are_checked_on_demand(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot_format, "_SMALL_BYTES", 100)
    path = write(tmp_path)
    flip(path / "vectors.npy", 200)
    snapshot = Snapshot.open(path)
    with pytest.raises(SnapshotCorrupt, match="vectors"):
        snapshot.verify(arrays_only=True)

    path = write(tmp_path)
    flip(path / "hnsw.bin", 200)
    snapshot = Snapshot.open(path)
    snapshot.verify(arrays_only=True)
    with pytest.raises(SnapshotCorrupt, match="hnsw"):
        snapshot.file("hnsw.bin")
    with pytest.raises(SnapshotCorrupt, match="hnsw"):
        snapshot.verify()


@pytest.mark.parametrize("file", ["vectors.npy", "hnsw.bin", "manifest.json"])
def test_a_truncated_or_missing_file_is_refused(tmp_path, file):
    path = write(tmp_path)
    damaged = path / file
    damaged.write_bytes(damaged.read_bytes()[:-3])
    with pytest.raises(SnapshotCorrupt):
        Snapshot.open(path)
    damaged.unlink()
    with pytest.raises(SnapshotError, match=r"build a new|no snapshot"):
        Snapshot.open(path)


def test_shape_and_dtype_must_be_those_of_the_manifest(tmp_path):
    path = write(tmp_path)
    rewrite(path, lambda content: content["arrays"]["vectors"].update(shape=[3, 20]))
    with pytest.raises(SnapshotCorrupt, match="3, 20"):
        Snapshot.open(path)


def test_a_newer_format_is_refused_and_says_what_to_do(tmp_path):
    path = write(tmp_path)
    rewrite(path, lambda content: content.update(format=FORMAT_VERSION + 1))
    with pytest.raises(SnapshotCorrupt, match="upgrade"):
        Snapshot.open(path)


def test_an_older_format_is_refused_and_says_what_to_do(tmp_path):
    path = write(tmp_path)
    rewrite(path, lambda content: content.update(format=FORMAT_VERSION - 1))
    with pytest.raises(SnapshotCorrupt, match=f"has format {FORMAT_VERSION - 1}, .*build a new snapshot"):
        Snapshot.open(path)


@pytest.mark.parametrize("text", ["", "[]", "nonsense", "{}", '{"content": 3}', '{"content": {"format": 1}, "checksum": "0"}'])
def test_a_manifest_that_is_none_is_refused(tmp_path, text):
    path = write(tmp_path)
    (path / "manifest.json").write_text(text)
    with pytest.raises(SnapshotCorrupt):
        Snapshot.open(path)


def test_a_manifest_that_lacks_a_part_is_refused(tmp_path):
    path = write(tmp_path)
    rewrite(path, lambda content: content.pop("meta"))
    with pytest.raises(SnapshotCorrupt, match="lacks"):
        Snapshot.open(path)


def test_a_folder_that_is_missing_is_no_snapshot(tmp_path):
    with pytest.raises(SnapshotError, match="no snapshot"):
        Snapshot.open(tmp_path / "nowhere")


def test_an_unknown_name_says_what_there_is(tmp_path):
    snapshot = Snapshot.open(write(tmp_path))
    with pytest.raises(SnapshotError, match="only ids"):
        snapshot.array("nothing")
    with pytest.raises(SnapshotError, match=r"only hnsw\.bin"):
        snapshot.file("nothing")


def test_a_writer_that_fails_leaves_nothing_and_keeps_its_cause(tmp_path):
    earlier = write(tmp_path)

    def fail(path):
        path.write_bytes(b"half")
        raise ValueError("no graph")

    with pytest.raises(SnapshotError, match="no graph") as caught:
        write(tmp_path, files={"hnsw.bin": fail})
    assert isinstance(caught.value.__cause__, ValueError)
    assert list(tmp_path.iterdir()) == [earlier]
    Snapshot.open(earlier).verify()


def test_an_interrupted_writer_leaves_nothing(tmp_path):
    def interrupt(path):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, files={"hnsw.bin": interrupt})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("meta", [{"x": float("nan")}, {"x": {1, 2}}, {"x": np.float32(1)}])
def test_meta_must_be_json(tmp_path, meta):
    with pytest.raises(SnapshotError):
        write(tmp_path, meta=meta)
    assert list(tmp_path.iterdir()) == []


def test_a_root_that_cannot_be_made_is_a_typed_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SnapshotError):
        write(tmp_path / "file" / "state")


def run(code: str, *arguments: str, limit_bytes: int | None = None) -> subprocess.CompletedProcess[str]:
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        preexec_fn=limit if limit_bytes is not None else None,
    )


WRITE_LARGE = """
    import sys, numpy as np
    from reco_sdk.errors import SnapshotError
    from reco_sdk.snapshot.format import write_snapshot
    {setup}
    try:
        write_snapshot(sys.argv[1], {arrays}, {{}}, {files})
    except SnapshotError as error:
        print("refused", type(error.__cause__).__name__, error)
"""

GRAPH = "from reco_sdk.index.hnsw import HnswIndex; graph = HnswIndex.build(np.ones((9_000, 64), 'f4'), ef_construction=10, m=4)"


@pytest.mark.parametrize(
    ("setup", "arrays", "files"),
    [
        ("", "{'vectors': np.ones((300_000, 8), dtype=np.float32)}", "{}"),
        ("", "{'few': np.ones(3)}", "{'big.bin': lambda path: path.write_bytes(bytes(9_000_000))}"),
        (
            GRAPH,
            "{'few': np.ones(3)}",
            "{'hnsw.bin': graph.save}",
        ),
    ],
    ids=["array", "file", "graph"],
)
def test_a_full_disk_leaves_the_earlier_snapshot_as_it_was(tmp_path, setup, arrays, files):
    if "hnsw" in setup:
        pytest.importorskip("hnswlib")
    earlier = write(tmp_path)
    done = run(WRITE_LARGE.format(setup=setup, arrays=arrays, files=files), str(tmp_path), limit_bytes=2_000_000)
    assert done.stdout.startswith("refused"), done.stderr
    assert "MB are free" in done.stdout or "make room" in done.stdout  # the cause has its mend
    assert list(tmp_path.iterdir()) == [earlier]
    Snapshot.open(earlier).verify()
