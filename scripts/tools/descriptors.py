"""What a process has open."""

import collections
import contextlib
import re
import time
from pathlib import Path

_LOOKS, _LOOK_AGAIN_S = 5, 0.3


def held(pid: int) -> collections.Counter[str]:
    """The descriptors that it does not close at once, by what they are: paths and kinds without numbers.

    A connection may end a little later than the call on it, so one look would tell what is open by chance.
    """
    found = _open(pid)
    for _ in range(_LOOKS):
        time.sleep(_LOOK_AGAIN_S)
        found &= _open(pid)
    return collections.Counter(re.sub(r"\d+", "", target) for _, target in found)


def _open(pid: int) -> set[tuple[str, str]]:
    found = set()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed since
            found.add((one.name, str(one.readlink())))
    return found
