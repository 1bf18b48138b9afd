"""A device before zigpy is there: plain commands reach it, all else waits."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from device_plugins.sdk import CommandTimeoutError, UnreachableError
from device_plugins.zigbee.ashline import LineError
from device_plugins.zigbee.known import Known
from device_plugins.zigbee.mapping import Facts, Report, Send, Signature, Write
from device_plugins.zigbee.mapping.signature import Raw
from device_plugins.zigbee.mapping.status import SUCCESS, refusal
from device_plugins.zigbee.network import Ears, Node, RadioError, Wishes
from device_plugins.zigbee.plainframes import HA, is_relative
from hub.api import Undo


class Early(Protocol):
    """What reaches devices already."""

    async def whole(self, ieee: str) -> Node | None:
        """The device's node when zigpy is there, if it has one. Raises RadioError when zigpy could not be started."""

    def can_send(self, ieee: str, request: Send) -> bool:
        """Whether a command can be sent to a device now."""

    async def command(self, ieee: str, endpoint: int, request: Send) -> int:
        """Send a command that can be sent; returns the status it was answered with.

        Raises LineError when it was not delivered, TimeoutError when no answer came.
        """


class EarlyNode:
    """See `network.Node`."""

    def __init__(self, known: Known, early: Early) -> None:
        self.ieee = known.ieee
        self.id = known.id
        self.lqi: int | None = None
        self.rssi: int | None = None
        self.is_waiting = True
        self._known = known
        self._early = early
        self._whole: Node | None = None

    def heard(self, lqi: int, rssi: int) -> None:
        """A message came from it."""
        self.lqi, self.rssi = lqi, rssi

    async def ready(self) -> None:
        """Return when zigpy is there, and its quirk. Raises UnreachableError if that cannot be."""
        await (await self._node()).ready()

    def signature(self) -> Signature:
        """What was known of it, until it is ready."""
        return self._known.record.signature if self._whole is None else self._whole.signature()

    def wishes(self) -> Wishes:
        """What its quirk wants, when it is ready."""
        return Wishes() if self._whole is None else self._whole.wishes()

    def converted(self, endpoint: int, name: str, raw: Raw) -> Raw | None:
        """What the quirk's own function makes of a value, when it is ready. Raises ValueError before."""
        if self._whole is None:
            raise ValueError("its quirk is not there yet")
        return self._whole.converted(endpoint, name, raw)

    def diagnose(self, facts: Facts) -> dict[str, Any]:
        """What a maintainer needs to know, when it is ready."""
        return {} if self._whole is None else self._whole.diagnose(facts)

    def listen(self, told: Iterable[tuple[int, int, bool]], sent: Iterable[tuple[int, int]], ears: Ears) -> Undo:  # noqa: ARG002 - see Node
        """Hear nothing: what it says goes to its device's sinks, or waits for another node."""
        return lambda: None

    async def read(
        self, endpoint: int, cluster: int, attributes: Iterable[int], *, background: bool = False, output: bool = False
    ) -> tuple[dict[int, Raw], set[int]]:
        """Read when it can be."""
        node = await self._node()
        return await node.read(endpoint, cluster, attributes, background=background, output=output)

    async def bind(self, endpoint: int, cluster: int, *, output: bool = False) -> None:
        """Bind when it can be."""
        await (await self._node()).bind(endpoint, cluster, output=output)

    async def configure_reporting(self, endpoint: int, cluster: int, reports: Mapping[int, Report]) -> dict[int, str]:
        """Configure when it can be."""
        return await (await self._node()).configure_reporting(endpoint, cluster, reports)

    async def enroll(self, endpoint: int) -> None:
        """Enroll when it can be."""
        await (await self._node()).enroll(endpoint)

    async def answer_enroll(self, endpoint: int) -> None:
        """Answer when it can be."""
        await (await self._node()).answer_enroll(endpoint)

    async def take_steps(self) -> None:
        """Take them when they can be taken."""
        await (await self._node()).take_steps()

    async def ready_for(self, endpoint: int, request: Send | Write) -> None:
        """Return at once for what can be sent already, else when zigpy is there."""
        if not self._is_plain(endpoint, request):
            await self._node()

    async def carry_out(self, endpoint: int, request: Send | Write) -> None:
        """Command at once what can be sent already; all else later."""
        if not self._is_plain(endpoint, request) or not isinstance(request, Send):
            await (await self._node()).carry_out(endpoint, request)
            return
        try:
            status = await self._sent(endpoint, request)
        except LineError as error:
            raise UnreachableError(f"{self.id} does not answer; is it powered?", device=self.id) from error
        except TimeoutError as error:
            raise CommandTimeoutError(f"{self.id} did not confirm in time", device=self.id) from error
        if status != SUCCESS:
            raise refusal(status, self.id)

    async def _sent(self, endpoint: int, request: Send) -> int:
        try:
            return await self._early.command(self.ieee, endpoint, request)
        except TimeoutError:
            if is_relative(request.cluster, request.command):  # it may have been carried out
                raise
            return await self._early.command(self.ieee, endpoint, request)

    def _is_plain(self, endpoint: int, request: Send | Write) -> bool:
        signature = self._known.record.signature
        profile = next((one.profile for one in signature.endpoints if one.id == endpoint), None)
        is_reached = self._whole is None and signature.mains and profile == HA
        return is_reached and isinstance(request, Send) and self._early.can_send(self.ieee, request)

    async def _node(self) -> Node:
        if self._whole is None:
            try:
                self._whole = await self._early.whole(self.ieee)
            except RadioError as error:
                raise UnreachableError(f"{self.id} cannot be reached: {error}", device=self.id) from error
        if self._whole is None:
            raise UnreachableError(f"{self.id} is not on the network; pair it again", device=self.id)
        return self._whole
