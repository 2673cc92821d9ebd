"""What a failed write says: the cause in plain words, and what mends it."""

import errno
import os
import zlib

import pytest

from reco_sdk.snapshot.disk import crc32, explained


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError("6400 requested and 992 written"), "there is no room"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "there is no room"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "quotas"),
        (OSError(errno.EACCES, os.strerror(errno.EACCES)), "give this user the folder"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS)), "may not be written"),
        (OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)), "is no folder"),
    ],
)
def test_cause_and_mend(tmp_path, error, says):
    text = explained(error, tmp_path / "not" / "there")
    assert says in text
    assert str(error) in text
    assert "RECO_STATE_DIR" in text


def test_what_is_no_matter_of_the_disk_stays_as_it_is(tmp_path):
    assert explained(ValueError("no graph"), tmp_path) == "no graph"
    assert explained(OSError(errno.EIO, "Input/output error"), tmp_path) == "[Errno 5] Input/output error"


def test_checksums(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"")
    assert crc32(path) == 0
    path.write_bytes(b"abc" * 3_000_000)
    assert crc32(path) == zlib.crc32(b"abc" * 3_000_000)
