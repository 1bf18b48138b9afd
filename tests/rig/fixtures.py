"""A disk that can fall ill, for any test: `SqliteEngine(disk.path("hub.db"), opener=opener(disk), ...)`."""

import pytest

from tests.rig.disk import Disk


@pytest.fixture
def disk() -> Disk:
    """`fill`, `failing`, `read_only`, `flip` and `damage` make it sick, `mend` makes it well, `cut` takes the power."""
    return Disk()
