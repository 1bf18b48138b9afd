"""What plugins ask of the journal: whoever does not come with the hub only for what it may publish and set."""

from pathlib import Path

import pytest

from hub.hosts.wishes import wishes
from hub.manifest import Kept, Manifest, Origin, Permissions

ALARM = ["bell.broken", "state.changed bell/+/broken"]
BULK = ["bell.*", "**", "bell.level front", "state.changed", "state.changed device/+/smoke"]


def manifest(origin: Origin) -> Manifest:
    may = Permissions(publish=["bell.*"], write=["bell/#"])
    return Manifest(
        id="bell",
        version="1.0",
        api="1",
        entry="bell:Bell",
        folder=Path("/plugins/bell"),
        origin=origin,
        permissions=may,
        journal=Kept(alarm=ALARM, bulk=BULK),
    )


def test_what_comes_with_the_hub_may_ask_for_all(caplog: pytest.LogCaptureFixture) -> None:
    assert wishes([manifest("bundled")]) == Kept(alarm=ALARM, bulk=BULK)
    assert caplog.messages == []


@pytest.mark.parametrize("origin", ["user", "installed"])
def test_others_may_ask_for_what_is_theirs(caplog: pytest.LogCaptureFixture, origin: Origin) -> None:
    assert wishes([manifest(origin)]) == Kept(alarm=ALARM, bulk=["bell.*", "bell.level front"])
    place = "/plugins/bell/plugin.toml: [journal] bulk:"
    assert caplog.messages == [
        f"{place} '**' is not heeded; add \"**\" to publish in its [permissions]",
        f"{place} 'state.changed' is not heeded; add \"#\" to write in its [permissions]",
        f"{place} 'state.changed device/+/smoke' is not heeded; add \"device/+/smoke\" to write in its [permissions]",
    ]
