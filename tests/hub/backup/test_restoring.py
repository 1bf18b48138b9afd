"""Restoring: the old home or the new one, whatever happens in between."""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hub.backup.gathering import Home
from hub.backup.making import Order, make
from hub.backup.restoring import finish, restore
from hub.backup.shelf import list_backups
from hub.backup.trial import workplace
from hub.errors import BackupError, StorageError
from hub.storage.folder import lock
from tests.harness import Process
from tests.hub.backup.homes import back_up, home, kept, quiet


class PowerCut(BaseException):
    """Nothing after it happens."""


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return Path(back_up(home(tmp_path / "source", "New lamp"), tmp_path / "shelf").file)


def lamp(data: Path) -> object:
    return kept(data / "hub.db")["lamp"]


def test_into_a_folder_that_is_not_there(tmp_path: Path, backup: Path) -> None:
    done = restore(backup, tmp_path / "deep" / "data", "", quiet)
    assert lamp(tmp_path / "deep" / "data") == "New lamp"
    assert done.aside == ""
    assert not [one.name for one in (tmp_path / "deep" / "data").iterdir() if one.name.startswith(".")]


def test_plugins_find_a_mark(tmp_path: Path, backup: Path) -> None:
    restore(backup, tmp_path / "data", "", quiet)
    assert (tmp_path / "data" / "plugins" / "radio" / "restored").read_text().startswith('{"made":')


def test_what_is_there_is_set_aside_only_when_asked(tmp_path: Path, backup: Path) -> None:
    old = home(tmp_path / "data", "Old lamp")
    (old.data / "backups").mkdir()
    (old.data / "backups" / "mine").write_text("stays")
    with pytest.raises(BackupError, match="is not empty"):
        restore(backup, old.data, "", quiet)
    assert lamp(old.data) == "Old lamp"
    done = restore(backup, old.data, "", quiet, force=True)
    assert lamp(old.data) == "New lamp"
    assert lamp(Path(done.aside)) == "Old lamp"
    assert (old.data / "backups" / "mine").read_text() == "stays"
    again = restore(backup, old.data, "", quiet, force=True)
    assert again.aside != done.aside


def test_not_while_a_hub_runs_there(tmp_path: Path, backup: Path) -> None:
    with lock(tmp_path / "data"), pytest.raises(StorageError, match="another hub already runs on"):
        restore(backup, tmp_path / "data", "", quiet)


def test_a_damaged_backup_leaves_the_old_home(tmp_path: Path, backup: Path) -> None:
    old = home(tmp_path / "data", "Old lamp")
    content = bytearray(backup.read_bytes())
    content[len(content) // 2] ^= 1
    backup.write_bytes(content)
    before = sorted(one.name for one in old.data.iterdir())
    with pytest.raises(BackupError, match=backup.name):
        restore(backup, old.data, "", quiet, force=True)
    assert lamp(old.data) == "Old lamp"
    assert sorted({*before, "hub.lock"}) == sorted(one.name for one in old.data.iterdir())


def test_a_plugin_without_files_finds_a_mark_as_well(tmp_path: Path) -> None:
    one = home(tmp_path / "source")
    versions = {"leases": "1.0", "../../x": "1.0"}
    (tmp_path / "shelf").mkdir()
    with workplace(tmp_path) as work:
        made = make(one, Order(tmp_path / "shelf", work, plugins=versions), quiet)
    restore(Path(made.file), tmp_path / "data", "", quiet)
    assert (tmp_path / "data" / "plugins" / "leases" / "restored").read_text().startswith('{"made":')
    assert {path.name for path in tmp_path.iterdir()} == {"source", "shelf", "data"}


def test_only_what_lay_elsewhere_is_to_be_put_in_its_place(tmp_path: Path) -> None:
    one = home(tmp_path / "source")
    (one.data / "elsewhere").mkdir()
    (one.data / "elsewhere" / "hub.toml").write_text("of an earlier restore")
    (tmp_path / "etc.toml").write_text("")
    afar = Home("Cottage", one.data, one.registry, one.telemetry, (tmp_path / "etc.toml",))
    done = restore(Path(back_up(afar, tmp_path / "shelf").file), tmp_path / "data", "", quiet)
    assert done.elsewhere == {str(tmp_path / "data" / "elsewhere" / "etc.toml"): str(tmp_path / "etc.toml")}


def test_what_nobody_may_read_is_restored_for_its_owner(tmp_path: Path) -> None:
    one = home(tmp_path / "source")
    (one.data / "secret").write_text("of root")
    (one.data / "secret").chmod(0o000)
    restore(Path(back_up(one, tmp_path / "shelf").file), tmp_path / "data", "", quiet)
    assert (tmp_path / "data" / "secret").stat().st_mode & 0o777 == 0o400
    assert (tmp_path / "data" / "hub.db").stat().st_mode & 0o777 == 0o600


def test_a_mount_is_told_before_anything_is_set_aside(
    tmp_path: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = home(tmp_path / "my data", "Old lamp")
    mounts = tmp_path / "mountinfo"
    line = "36 35 98:0 /a {} rw,noatime shared:1 - ext4 /dev/root rw\n"
    mounts.write_text("".join(line.format(str(point).replace(" ", r"\040")) for point in ("/", old.data / "hub.toml")))
    monkeypatch.setattr("hub.backup.restoring._MOUNTS", mounts)
    before = sorted(one.name for one in old.data.iterdir())
    with pytest.raises(BackupError, match=r"my data/hub\.toml is a mount"):
        restore(backup, old.data, "", quiet, force=True)
    assert sorted({*before, "hub.lock"}) == sorted(one.name for one in old.data.iterdir())
    assert lamp(old.data) == "Old lamp"


def test_a_restore_that_cannot_be_finished_says_so_and_is_finished_later(
    tmp_path: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, rename = home(tmp_path / "data", "Old lamp"), os.rename

    def busy(source: Any, target: Any) -> None:  # noqa: ANN401 - paths
        if Path(source).name == "automations":
            raise OSError(16, "Device or resource busy", str(source))
        rename(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", busy)
        with pytest.raises(StorageError, match=r"cannot be finished: Device or resource busy \(.*automations\)"):
            restore(backup, old.data, "", quiet, force=True)
        with lock(old.data), pytest.raises(StorageError, match="cannot be finished"):
            finish(old.data)
    with lock(old.data):
        assert finish(old.data)
    assert lamp(old.data) == "New lamp"


def test_what_a_killed_backup_left_goes_at_the_next_start(tmp_path: Path) -> None:
    shelf = tmp_path / "data" / "backups"
    (shelf / ".work-1" / "home").mkdir(parents=True)
    (shelf / ".home-20260131-033000.hubbackup.part").write_text("half")
    (shelf / "home-20260131-033000.hubbackup").write_text("not mine to judge")
    with lock(tmp_path / "data"):
        assert not finish(tmp_path / "data")
    assert [one.name for one in shelf.iterdir()] == ["home-20260131-033000.hubbackup"]


def test_a_pipe_is_no_backup(backup: Path) -> None:
    os.mkfifo(backup.with_name("pipe.hubbackup"))
    assert "is not a backup" in list_backups(backup.parent)[-1].problem


def renames_until(count: int) -> Callable[[object, object], None]:
    """The system's rename, which works so many times; then the power fails."""
    rename, left = os.rename, [count]

    def renamed(source: Any, target: Any) -> None:  # noqa: ANN401 - paths
        left[0] -= 1
        if left[0] < 0:
            raise PowerCut
        rename(source, target)

    return renamed


def look(data: Path) -> object:
    """Whose home it is: all of the old one, or all of the new one with the old one aside."""
    names = {one.name for one in data.iterdir()}
    asides = {name for name in names if name.startswith("before-restore-")}
    home_of = {"hub.db", "hub.toml", "hub.lock", "automations", "plugins"}
    found = lamp(data)
    if found == "Old lamp":
        assert names == {*home_of, "logs"}
    else:
        assert names - asides == home_of
        assert [lamp(data / name) for name in asides] == ["Old lamp"]
    return found


def test_a_power_cut_at_any_step_leaves_the_old_home_or_the_new(
    tmp_path: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template, is_over = home(tmp_path / "old", "Old lamp").data, False
    outcomes: list[object] = []
    while not is_over:
        data = tmp_path / f"data-{len(outcomes)}"
        shutil.copytree(template, data)
        with monkeypatch.context() as patched, suppress(PowerCut):
            patched.setattr(os, "rename", renames_until(len(outcomes)))
            restore(backup, data, "", quiet, force=True)
            is_over = True
        with monkeypatch.context() as patched, lock(data), suppress(PowerCut):
            patched.setattr(os, "rename", renames_until(2))
            finish(data)  # which is cut off as well
        with lock(data):
            finish(data)
            assert not finish(data)
        outcomes.append(look(data))
    assert outcomes[0] == "Old lamp"
    assert outcomes == sorted(outcomes, key=str, reverse=True)  # old up to one step, new from then on
    assert len(outcomes) > 8


def test_the_hub_finishes_it_at_its_start_whatever_its_configuration_looks_like(
    spawn: Callable[..., Process], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = home(tmp_path / "other", "New lamp")
    (source.data / "hub.d").mkdir()
    (source.data / "hub.d" / "name.toml").write_text('[hub]\nname = { from_file = "../name" }\n')
    (source.data / "name").write_text("Cottage by the sea")
    file = Path(back_up(source, tmp_path / "shelf").file)
    template = home(tmp_path / "old", "Old lamp").data
    (template / "hub.d").mkdir()
    (template / "hub.d" / "name.toml").write_text('[hub]\nname = { from_file = "../name" }\n')
    (template / "name").write_text("Old cottage")
    for cut in (1, 4, 8, 12):
        data = tmp_path / f"data-{cut}"
        shutil.copytree(template, data)
        with monkeypatch.context() as patched:
            patched.setattr(os, "rename", renames_until(cut))
            with pytest.raises(PowerCut):
                restore(file, data, "", quiet, force=True)
        process = spawn(sys.executable, "-m", "hub", "run", "--data", str(data))
        process.wait_for("is up after")
        process.send(signal.SIGTERM)
        assert process.wait() == 0, process.output
        assert (data / "name").read_text() == "Cottage by the sea"
        assert lamp(data) == "New lamp"
        assert not [one.name for one in data.iterdir() if one.name.startswith(".")]
