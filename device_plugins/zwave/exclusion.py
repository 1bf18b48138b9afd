"""A device on its way out: somebody presses its button while the controller excludes."""

import asyncio
from typing import Any

from device_plugins.zwave.network import Network, ZWaveError
from device_plugins.zwave.roster import Roster

UNPROVISION = 2
"""Z-Wave JS's strategy: who leaves may no longer join by itself either."""
_FAILED = -1
_BUSY_STATES = {2, 3}  # Z-Wave JS's states of inclusion: excluding, and taking one out


async def one_leaves(network: Network, roster: Roster, seconds: float) -> int:
    """Exclude until one device has left; returns its node, 0 for a device of another network.

    Raises ZWaveError when none has, or when the controller does something else.
    """
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def hear(event: str, data: dict[str, Any]) -> None:
        if not ended.done() and (gone := _gone(event, data)) is not None:
            ended.set_result(gone)

    said = await network.ask("controller.begin_exclusion", options={"strategy": UNPROVISION})
    if not said.get("success"):
        raise ZWaveError("the stick is busy with another device; try again in a minute")
    roster.heard.append(hear)
    try:
        async with asyncio.timeout(seconds):
            gone = await ended
    except TimeoutError:
        raise ZWaveError(f"no device has left within {seconds:g} s; is it in pairing mode, and near?") from None
    finally:
        roster.heard.remove(hear)
        if ended.cancelled() or not ended.done():
            await network.ask("controller.stop_exclusion")
    if gone == _FAILED:
        raise ZWaveError("the stick could not take it out; bring it nearer and try again")
    return gone


def _gone(event: str, data: dict[str, Any]) -> int | None:
    """The node that an event says is gone; None if it says nothing of that."""
    if event == "node removed":
        return int(data.get("node") or 0)
    if event == "exclusion failed":
        return _FAILED
    return 0 if event == "inclusion state changed" and data.get("state") not in _BUSY_STATES else None
