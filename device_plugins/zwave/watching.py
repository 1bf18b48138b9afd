"""Watches over the devices while the network is up: asks those on mains that are silent whether they are there."""

from collections.abc import Callable, Mapping

from device_plugins.zwave.known import Known
from device_plugins.zwave.network import Network, ZWaveError
from hub.api import Context, Task

# A ping holds up what comes after it, one of a dead node for seconds, so there is one at most in so many seconds.
_LOOK_EVERY = 10.0
_PATIENCE = 15 * 60.0
_AGAIN, _AGAIN_MOST = 60.0, 3600.0
_ANSWER_LIMIT = 30.0


class Watching:
    """The watch over all known devices; the driver takes a node for dead that answers no ping, and says so."""

    def __init__(self, ctx: Context, known: Mapping[str, Known], is_busy: Callable[[], bool]) -> None:
        self._ctx = ctx
        self._known = known
        self._is_busy = is_busy
        self._task: Task[None] | None = None
        self._misses: dict[str, int] = {}

    def begin(self, network: Network) -> None:
        """The network is up; its driver has just asked every node."""
        self.end()
        now = self._ctx.clock.monotonic()
        for known in self._known.values():
            known.heard = now
        self._task = self._ctx.tasks.start("Z-Wave watches over devices", self._run(network))

    def end(self) -> None:
        """The network is gone."""
        self._misses.clear()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self, network: Network) -> None:
        while True:
            await self._ctx.clock.sleep(_LOOK_EVERY)
            if not self._is_busy() and (known := self._most_overdue()) is not None:
                await self._ask(network, known)

    def _most_overdue(self) -> Known | None:
        asked = [one for one in self._known.values() if one.is_there and one.is_mains]
        found = max(asked, key=self._overdue, default=None)
        return found if found is not None and self._overdue(found) >= 0 else None

    def _overdue(self, known: Known) -> float:
        misses = self._misses.get(known.device.id, 0)
        patience = min(_AGAIN * 2 ** min(misses - 1, 20), _AGAIN_MOST) if misses else _PATIENCE
        return self._ctx.clock.monotonic() - known.heard - patience

    async def _ask(self, network: Network, known: Known) -> None:
        device = known.device.id
        try:
            said = await network.ask("node.ping", within=_ANSWER_LIMIT, nodeId=known.node)
        except ZWaveError:
            said = {}
        # One that does not answer is not heard either, but waited for from now on.
        known.heard = self._ctx.clock.monotonic()
        if said.get("responded"):
            self._misses.pop(device, None)
        else:
            self._misses[device] = self._misses.get(device, 0) + 1
