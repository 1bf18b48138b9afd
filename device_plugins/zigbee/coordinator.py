"""bellows' application with a few changes: what it asks of the stick."""

import logging
from typing import Any, override

import zigpy.types as t
from bellows.zigbee.application import ControllerApplication

from device_plugins.zigbee.announcing import Announcing

LOG = logging.getLogger("hub.zigbee")

# bellows would wait for five missed feeds, 100 s, before it gives a hung stick up.
_MISSED_FEEDS = 2
MISSING = "This version of zigpy or bellows has no %s: %s"


class Coordinator(Announcing, ControllerApplication):
    """bellows' application with a few changes: see the methods."""

    @override
    async def connect(self) -> None:
        """Connect, and from then on remember which devices need no extended time-out.

        bellows asks the stick before every unicast. It is off by default, so a device that never had it on needs no
        question; for the others (they sleep, and the stick may evict them from its table) it goes on asking.
        """
        await super().connect()
        ezsp: Any = self._ezsp
        if not hasattr(ezsp, "_protocol"):
            LOG.warning(MISSING, "_protocol", "commands are slower")
            return
        asked: Any = None
        off: set[t.EUI64] = set()

        async def set_extended_timeout(nwk: t.NWK, ieee: t.EUI64, extended_timeout: bool = True) -> None:  # noqa: FBT001, FBT002
            nonlocal asked
            if asked is not ezsp._protocol:  # noqa: SLF001 - a reset makes a new one, and the stick forgets
                asked = ezsp._protocol  # noqa: SLF001
                off.clear()
            if extended_timeout:
                off.discard(ieee)
            elif ieee in off:
                return
            await asked.set_extended_timeout(nwk=nwk, ieee=ieee, extended_timeout=extended_timeout)
            if not extended_timeout:
                off.add(ieee)

        ezsp.set_extended_timeout = set_extended_timeout

    @override
    async def _watchdog_feed(self) -> None:
        """Feed, and fail at the second feed in a row that gets no answer."""
        await super()._watchdog_feed()  # type: ignore[no-untyped-call]
        if getattr(self, "_watchdog_failures", 0) >= _MISSED_FEEDS:
            raise TimeoutError
