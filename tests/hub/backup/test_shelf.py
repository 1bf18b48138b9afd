"""The backups there are, and the registry out of the newest good one."""

from pathlib import Path

from hub.backup.shelf import keep_registry, list_backups, rescue_registry
from tests.hub.backup.homes import back_up, home, keep, kept


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert list_backups(tmp_path / "none") == []
    assert rescue_registry(tmp_path / "none", tmp_path / "hub.db") is None


def test_newest_first_and_what_is_wrong_last(tmp_path: Path) -> None:
    one, shelf = home(tmp_path / "home"), tmp_path / "shelf"
    made = [back_up(one, shelf).file for _ in range(3)]
    (shelf / "notes.txt").write_text("mine")
    (shelf / "broken.hubbackup").write_text("broken")
    found = list_backups(shelf)
    assert [info.file for info in found] == [*reversed(made), str(shelf / "broken.hubbackup")]
    assert found[-1].problem == f"{shelf / 'broken.hubbackup'} is not a backup of a hub"


def test_the_registry_comes_out_of_the_newest_that_is_good(tmp_path: Path) -> None:
    one, shelf = home(tmp_path / "home"), tmp_path / "shelf"
    good = back_up(one, shelf)
    keep(one.registry, lamp="Newer name")
    damaged = Path(back_up(one, shelf).file)
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    rescued = rescue_registry(shelf, tmp_path / "rescued.db")
    assert rescued is not None
    assert (rescued.file, rescued.made) == (good.file, good.made)
    assert (tmp_path / "rescued.db").stat().st_mode & 0o777 == 0o600
    assert kept(tmp_path / "rescued.db") == {"lamp": "Hall lamp"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "rescued.db", "shelf"]


def test_before_a_change_of_schema_the_registry_is_kept(tmp_path: Path) -> None:
    one = home(tmp_path / "home")
    folder = one.data / "backups"
    made = keep_registry(one.registry, folder, "before-schema-2")
    assert made.name.endswith("-before-schema-2.hubbackup")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert made.stat().st_mode & 0o777 == 0o600
    keep(one.registry, lamp="Changed")
    rescued = rescue_registry(folder, one.registry)
    assert rescued is not None
    assert rescued.file == str(made)
    assert kept(one.registry) == {"lamp": "Hall lamp"}
