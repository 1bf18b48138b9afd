"""The data folder belongs to one hub at a time."""

from pathlib import Path

import pytest

from hub.errors import StorageError
from hub.storage.folder import lock


def test_it_is_made_and_held_until_it_is_let_go(tmp_path: Path) -> None:
    data = tmp_path / "deep" / "data"
    with lock(data):
        with pytest.raises(StorageError) as refused:
            lock(data)
        assert str(refused.value) == (
            f"another hub already runs on {data}; stop it first, or choose another folder with --data"
        )
        with lock(tmp_path / "other"):
            pass
    with lock(data):
        pass
    assert [one.name for one in data.iterdir()] == ["hub.lock"]


def test_a_hub_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "hub.lock").write_bytes(b"left over")
    with lock(tmp_path):
        assert (tmp_path / "hub.lock").read_bytes() == b"left over"


@pytest.mark.parametrize("place", ["file", "file/data"])
def test_a_file_in_its_place_is_a_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match=f"^data folder {tmp_path / place} cannot be used: .*--data"):
        lock(tmp_path / place)
