"""The keys are part of the hub's backups, and the same after one is restored."""

from pathlib import Path

from device_plugins.zwave.keys import load_or_make
from hub.backup.restoring import restore
from tests.hub.backup.homes import back_up, home, quiet


def test_a_backup_brings_the_keys_back_readable_by_the_owner_alone(tmp_path: Path) -> None:
    made = home(tmp_path / "home")
    folder = made.data / "plugins" / "zwave"
    folder.mkdir()
    keys = load_or_make(folder)
    backup = back_up(made, tmp_path / "shelf")
    restore(Path(backup.file), tmp_path / "restored", "", quiet)
    restored = tmp_path / "restored" / "plugins" / "zwave"
    assert (restored / "keys.json").stat().st_mode & 0o777 == 0o600
    assert load_or_make(restored) == keys
