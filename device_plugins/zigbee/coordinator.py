"""bellows' application with a few changes: what it asks of the stick, and how it takes frames."""

import asyncio
import logging
from typing import Any, override

import zigpy.types as t
from bellows.config import CONF_EZSP_CONFIG
from bellows.exception import EzspError
from bellows.zigbee.application import ControllerApplication
from zigpy.device import ZigbeeDevice
from zigpy.zcl import foundation

from device_plugins.zigbee import fastpath, fastsend
from device_plugins.zigbee.adopting import TapedEzsp
from device_plugins.zigbee.fastline import can_be_fast, hasten
from device_plugins.zigbee.fastpath import FastPath
from device_plugins.zigbee.fastsend import FastSender, Unicast
from device_plugins.zigbee.headstart import HeadStart
from device_plugins.zigbee.quirking import Quirking
from device_plugins.zigbee.rehearsal import Kind, Rehearsal

LOG = logging.getLogger("hub.zigbee")

# bellows would wait for five missed feeds, 100 s, before it gives a hung stick up.
_MISSED_FEEDS = 2
_OUT_OF_THE_WAY = 128
MISSING = "This version of zigpy or bellows has no %s: %s"


class Coordinator(Quirking, ControllerApplication):
    """bellows' application with a few changes: see the methods."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self._is_resuming = self._is_known = False
        self._undisturbed = asyncio.Lock()
        self.early: HeadStart | None = None
        """What has opened the port already; it is taken over once."""
        self.fast: FastPath | None = None
        self._sender: FastSender | None = FastSender(self) if can_be_fast(self, fastsend.TOUCHED) else None
        if can_be_fast(self, fastpath.TOUCHED):
            self.fast = FastPath(self, lambda sender, lqi: self.alive(sender, lqi) if self.alive else None)

    @override
    async def connect(self) -> None:
        """Connect, and from then on remember which devices need no extended time-out.

        bellows asks the stick before every unicast. It is off by default, so a device that never had it on needs no
        question; for the others (they sleep, and the stick may evict them from its table) it goes on asking.
        """
        early, self.early = self.early, None
        await self._connect(early)
        if self.fast is not None:
            hasten(self._ezsp, self.fast)
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

    async def _connect(self, early: HeadStart | None) -> None:
        """Connect as bellows does, over a line that is recorded or was open before."""
        ezsp: Any = TapedEzsp(self.config["device"], self, early)
        self._ezsp = ezsp
        try:
            await ezsp.connect(use_thread=False)
            try:
                await self._configure(ezsp)
            except EzspError as error:
                if early is None:
                    raise
                LOG.info("The stick is opened anew: %s", error)
                await ezsp.begin_anew()
                await self._configure(ezsp)
        except Exception:
            await ezsp.disconnect()
            self._ezsp = None
            raise

    async def _configure(self, ezsp: Any) -> None:  # noqa: ANN401 - bellows is untyped
        await ezsp.write_config(self.config[CONF_EZSP_CONFIG])
        self._created_device_endpoints.clear()
        await self.register_endpoints()
        ezsp.connected()

    def memory(self) -> tuple[Rehearsal, dict[str, int], set[Kind]] | None:
        """How the network was resumed, and what may take the quick way; None if that cannot be told."""
        ezsp: Any = self._ezsp
        rehearsal: Rehearsal | None = ezsp.rehearsal if ezsp is not None else None
        return None if rehearsal is None or self.fast is None else (rehearsal, *self.fast.known())

    def hear(self, frame: bytes) -> None:
        """Take an EZSP callback that came before; no command that is under way has its sequence number."""
        ezsp: Any = self._ezsp
        free = (ezsp._protocol._seq + _OUT_OF_THE_WAY) % 256  # noqa: SLF001 - bellows has no other way
        ezsp.frame_received(bytes([free]) + frame[1:])

    @override
    async def initialize(self, *, auto_form: bool = False) -> None:
        """Start the network. One that is resumed is asked once what it is, not twice."""
        self._is_resuming = True
        try:
            await super().initialize(auto_form=auto_form)
        finally:
            self._is_resuming = self._is_known = False

    @override
    async def load_network_info(self, *, load_devices: bool = False) -> None:
        """Ask the stick for its network, unless it has just told and nothing was changed since.

        Not while it is away on another channel: it would tell that one.
        """
        if self._is_known and not load_devices:
            self._is_known = False
            return
        async with self._req_lock:
            await super().load_network_info(load_devices=load_devices)
        self._is_known, self._is_resuming = self._is_resuming, False

    @override
    async def write_network_info(self, **network: Any) -> None:
        """Give the stick another network."""
        self._is_resuming = self._is_known = False
        await super().write_network_info(**network)

    @override
    async def request(self, device: ZigbeeDevice, *args: Any, **options: Any) -> Any:
        """Send a unicast; a plain one the quick way."""
        wanted = None if args or self._sender is None else Unicast.of(options)
        if self._sender is None or wanted is None or not self._sender.can_send(wanted.data):
            return await super().request(device, *args, **options)
        await self._sender.send(device, wanted)
        return foundation.Status.SUCCESS, ""

    @override
    async def _watchdog_feed(self) -> None:
        """Feed, and fail at the second feed in a row that gets no answer."""
        async with self._undisturbed:
            await super()._watchdog_feed()  # type: ignore[no-untyped-call]
        if getattr(self, "_watchdog_failures", 0) >= _MISSED_FEEDS:
            raise TimeoutError

    @override
    async def _reset(self) -> None:
        """Reset the stick, as is done while a network is formed; no feed is under way, which would fail with it."""
        async with self._undisturbed:
            await super()._reset()  # type: ignore[no-untyped-call]

    @override
    def handle_join(self, nwk: t.NWK, ieee: t.EUI64, parent_nwk: t.NWK, *, handle_rejoin: bool = True) -> None:
        """Take in a device that joins; its short address may be another's former one."""
        super().handle_join(nwk, ieee, parent_nwk, handle_rejoin=handle_rejoin)
        if self.fast is not None:
            self.fast.readdress()
