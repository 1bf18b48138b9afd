"""Restoring: the old home or the new one, whatever happens in between."""

import os
import shutil
from pathlib import Path

import pytest

from hub.backup.restoring import finish, restore
from hub.errors import BackupError, StorageError
from hub.storage.folder import lock
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


def test_a_power_cut_at_any_step_leaves_the_old_home_or_the_new(
    tmp_path: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = home(tmp_path / "old", "Old lamp").data
    rename, outcomes = os.rename, []
    for cut in range(100):
        data = tmp_path / f"data-{cut}"
        shutil.copytree(template, data)
        count = 0

        def cut_off(source: str, target: str, *, at: int = cut) -> None:
            nonlocal count
            count += 1
            if count > at:
                raise PowerCut
            rename(source, target)

        with monkeypatch.context() as patched:
            patched.setattr(os, "rename", cut_off)
            try:
                restore(backup, data, "", quiet, force=True)
            except PowerCut:
                is_over = False
            else:
                is_over = True
        # A second cut, in the middle of going on.
        count = 0
        with monkeypatch.context() as patched:
            patched.setattr(os, "rename", lambda source, target: cut_off(source, target, at=2))
            with lock(data):
                try:
                    finish(data)
                except PowerCut:
                    pass
        with lock(data):
            finish(data)
            assert not finish(data)
        outcomes.append(lamp(data))
        expected = {"hub.db", "hub.toml", "hub.lock", "automations", "plugins"}
        names = {one.name for one in data.iterdir()}
        asides = {name for name in names if name.startswith("before-restore-")}
        if outcomes[-1] == "Old lamp":
            assert names == {*expected, "logs"}
        else:
            assert names - asides == expected
            assert len(asides) == 1
            assert lamp(data / asides.pop()) == "Old lamp"
        if is_over:
            break
    assert outcomes[0] == "Old lamp"
    assert outcomes[-1] == "New lamp"
    assert outcomes == sorted(outcomes, reverse=True)  # old up to one step, new from then on
    assert len(outcomes) > 8
