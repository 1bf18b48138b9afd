"""The disk under a folder, from what Linux shows of it."""

import os
from pathlib import Path

from plugins.wear.disk import disk_size, life


def device(system: Path, folder: Path, where: str) -> Path:
    """Make the folder's device known at a place below `devices`."""
    number = folder.stat().st_dev
    place = system / "devices" / where
    place.mkdir(parents=True)
    (system / "dev" / "block").mkdir(parents=True)
    (system / "dev" / "block" / f"{os.major(number)}:{os.minor(number)}").symlink_to(place)
    return place


def test_a_partition_stands_for_the_whole_card(tmp_path: Path) -> None:
    place = device(tmp_path, tmp_path, "mmcblk0/mmcblk0p2")
    (place / "partition").write_text("2\n")
    (place / "size").write_text("1000\n")
    (place.parent / "size").write_text("62333952\n")
    assert disk_size(tmp_path, tmp_path) == 62_333_952 * 512


def test_a_disk_without_partitions_has_its_own_size(tmp_path: Path) -> None:
    place = device(tmp_path, tmp_path, "vda")
    (place / "size").write_text("2048\n")
    assert disk_size(tmp_path, tmp_path) == 1_048_576


def test_without_a_device_it_is_the_file_systems_size(tmp_path: Path) -> None:
    whole = os.statvfs(tmp_path)
    assert disk_size(tmp_path, tmp_path / "nothing") == whole.f_blocks * whole.f_frsize


def test_a_life_is_this_process_and_no_other(tmp_path: Path) -> None:
    boot = tmp_path / "sys" / "kernel" / "random"
    boot.mkdir(parents=True)
    (boot / "boot_id").write_text("b\n")
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "stat").write_text(f"7 (a) b) S {' '.join(map(str, range(4, 53)))}\n")
    assert life() == life()
    assert life(tmp_path) == f"b {os.getpid()} 22"
