"""The disk under a folder, and the life of this process, as Linux tells of them."""

import os
from pathlib import Path

_SECTOR = 512  # bytes, whatever the device's own are


def disk_size(folder: Path, system: Path = Path("/sys")) -> int:
    """Bytes of the whole device that a folder is on, or of its file system where no single device can be named."""
    number = folder.stat().st_dev
    device = (system / "dev" / "block" / f"{os.major(number)}:{os.minor(number)}").resolve()
    if (device / "partition").exists():
        device = device.parent
    try:
        return int((device / "size").read_text(encoding="ascii")) * _SECTOR
    except (OSError, ValueError):
        found = os.statvfs(folder)
        return found.f_blocks * found.f_frsize


def life(process: Path = Path("/proc")) -> str:
    """What no other process has in common with this one: the boot, and when in it the process began."""
    boot = (process / "sys" / "kernel" / "random" / "boot_id").read_text(encoding="ascii").strip()
    begun = (process / "self" / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    return f"{boot} {os.getpid()} {begun}"
