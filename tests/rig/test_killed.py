"""Real files, the standard library's SQLite and a process that is killed leave what the rig says."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hub.storage.file import open_file
from tests.rig.connection import opener
from tests.rig.disk import Disk
from tests.rig.killed import left, live


@pytest.mark.parametrize(("seed", "last"), [(1, 20), (2, 120), (3, 290)])
def test_a_killed_process_leaves_on_real_files_what_the_rig_leaves(seed: int, last: int, tmp_path: Path) -> None:
    disk, copies = Disk(), []

    def note(step: int) -> None:
        if step == last:
            copies.append(disk.copy())

    live(opener(disk), disk.folder, seed, note)
    [copy] = copies
    argv = (sys.executable, "-m", "tests.rig.killed", str(tmp_path), str(seed), str(last))
    killed = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=50)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    found = left(opener(copy), copy.folder)
    assert found == left(open_file, tmp_path)
    assert found["rows"]
    assert found["last"] > 0
