import stat
from pathlib import Path

import pytest

from device_plugins.sdk.files import read_at_most, write_private


def test_a_private_file_is_put_in_place_whole(tmp_path: Path) -> None:
    path = tmp_path / "stick.bin"
    path.write_bytes(b"older")
    path.chmod(0o644)
    path.with_suffix(".new").write_bytes(b"left by a power cut")
    write_private(path, b"keys")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"keys", 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["stick.bin"]


def test_what_cannot_be_written_leaves_the_older_one(tmp_path: Path) -> None:
    path = tmp_path / "stick.bin"
    path.write_bytes(b"older")
    path.with_suffix(".new").mkdir()
    with pytest.raises(OSError, match=r"stick\.new"):
        write_private(path, b"keys")
    assert path.read_bytes() == b"older"


def test_no_more_is_read_than_tells_that_it_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "stick.bin"
    path.write_bytes(b"x" * 100)
    assert (len(read_at_most(path, 10)), len(read_at_most(path, 100))) == (11, 100)
