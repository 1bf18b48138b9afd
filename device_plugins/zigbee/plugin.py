"""The plugin: it keeps the radio open, and turns the device registry's wishes into Zigbee."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, override

import msgspec

from device_plugins.sdk import Device, DevicePlugin, UnreachableError, UnsupportedError
from device_plugins.sdk.reconnect import Backoff, Reconnect, Ways
from device_plugins.zigbee.actions import Actions, CommandEnded
from device_plugins.zigbee.base import PREFIX
from device_plugins.zigbee.entrance import Entrance
from device_plugins.zigbee.group_actions import GroupActions
from device_plugins.zigbee.group_device import Group
from device_plugins.zigbee.group_services import GroupServices
from device_plugins.zigbee.groups import Groups
from device_plugins.zigbee.keeping import CoordinatorServices
from device_plugins.zigbee.link_services import LinkServices
from device_plugins.zigbee.loading import load, open_radio
from device_plugins.zigbee.network import NetworkInfo, Radio, RadioError
from device_plugins.zigbee.roster import Roster
from device_plugins.zigbee.starting import Starts
from device_plugins.zigbee.surveying import NetworkServices
from device_plugins.zigbee.topology import MapProgress
from device_plugins.zigbee.touchlink_services import TouchlinkServices
from device_plugins.zigbee.updates import OtaProgress, UpdateServices
from device_plugins.zigbee.watching import Watching
from hub.api import Context, service

LOG = logging.getLogger("hub.zigbee")


class RadioStatus(msgspec.Struct, frozen=True):
    """How the radio stands; `network` is None while it is down, `reports` counts what devices told since the start.

    `folder` is the plugin's own, where its database and the coordinator's backups are.
    """

    status: str
    reason: str
    path: str
    devices: int
    reports: int
    folder: str
    network: NetworkInfo | None = None


class Zigbee(GroupServices, LinkServices, NetworkServices, CoordinatorServices, UpdateServices, TouchlinkServices):
    """Zigbee devices over a Silicon Labs stick (EZSP)."""

    emits: ClassVar[tuple[type[msgspec.Struct], ...]] = (*DevicePlugin.emits, CommandEnded, MapProgress, OtaProgress)

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self.settings = ctx.config
        self.actions = Actions(self)
        self.radio = None
        self._entrance = Entrance(ctx, self.ready_radio, self.ieee_of)
        backoff = Backoff(self.settings.retry_first, self.settings.retry_most)
        ways = Ways(self._open, self._up, self.went_down, lambda radio: radio.close())
        self.link = Reconnect("the radio", ctx.clock, backoff, ways, LOG)
        self.roster = Roster(self, self.link.lost, self.actions)
        self.grouping = Groups(self, self.roster.known, self.actions.queues, self.ready_radio)
        self.group_actions = GroupActions(self, self.grouping, self.actions)
        self.roster.restorers.append(self.grouping.restore)
        self.watching = Watching(ctx, self.roster.known, self.actions.lanes)
        self.starts = Starts(ctx, self.settings, self.roster)
        self.roster.changed = self.starts.changed

    @override
    async def start(self) -> None:
        await self.starts.load()
        # Both take their time, and neither needs the other. A head start is to come first: an import holds it up.
        if self.settings.path and not self.starts.can_begin:
            self.ctx.tasks.start("loads the radio libraries", load())
        await self.roster.load()
        await self.watching.load()
        await self.grouping.load()
        await self.survey.load()
        await self.updater.load()
        if not self.settings.path:
            self.link.reason = "no radio is set; set [plugin.zigbee] path to the stick's serial port"
            self.went_down(self.link.reason)
            return
        self.ready(down="the radio is being opened")
        await self.open_link()

    @override
    async def stop(self) -> None:
        self.actions.close()
        self.remember_no_more()
        self._stopped = True
        await self.starts.stop()
        await self.close_link()
        await self.watching.save()

    # What the registry wants

    @override
    async def execute(self, device: Device, key: str, command: str, arguments: dict[str, Any]) -> None:
        if self.early is None:
            self.ready_radio()
        if (group := self._group(device)) is not None:
            await self.whole()
            await self.group_actions.carry_out(group, key, command, arguments)
            return
        known = self.roster.known.get(device.id.removeprefix(PREFIX))
        if known is None:
            raise UnreachableError(f"{device.id} is not on the network; pair it again", device=device.id)
        await self.actions.carry_out(known, key, command, arguments)

    @override
    async def open_pairing(self, duration: float) -> None:
        await self.whole()
        await self._entrance.open(duration)
        if self._entrance.waits:
            self.pairing_step("needs_input", reason="an install code is to be brought", inputs=self._entrance.inputs)

    @override
    async def take_input(self, values: dict[str, Any]) -> None:
        await self._entrance.take(values)

    @override
    async def close_pairing(self) -> None:
        self._entrance.close()
        if self.radio is not None:
            with suppress(RadioError):
                await self.radio.permit(0)

    @override
    async def forget(self, device: Device) -> None:
        self.actions.forget(device.id)
        if (group := self._group(device)) is not None:
            await self.grouping.delete(group)
            return
        await self.roster.forget(device)
        await self.grouping.dropped(device.id.removeprefix(PREFIX))
        if self.updater.busy == device.id:
            await self.updater.end("cancelled", "the device was removed")
        await self.survey.forget(device.id.removeprefix(PREFIX))

    @service
    async def status(self) -> RadioStatus:
        """How the radio stands, and the network it runs; keys are never told."""
        network = self.radio.info() if self.radio is not None else None
        return RadioStatus(
            status=self.link.state.value,
            reason=self.link.reason,
            path=self.settings.path,
            devices=len(self.roster.known),
            reports=sum(one.reports for one in self.roster.known.values()),
            folder=str(self.ctx.data_dir),
            network=network,
        )

    @service
    async def diagnose(self, device: str) -> dict[str, Any]:
        """What a maintainer needs to know of a device, with the keys of ZHA's diagnostics; no keys, no addresses."""
        await self.whole()
        found = self._known(device)
        if self._group(found) is not None:
            raise UnsupportedError(f"{device} is a group; name one of its devices", device=device)
        known = self.roster.known.get(found.id.removeprefix(PREFIX))
        if known is None or known.node is None:
            raise UnreachableError(f"{device} is not on the network now; wait for the radio or pair it again")
        await known.node.ready()
        return known.node.diagnose(known.record.facts)

    # The radio's life

    async def _open(self) -> Radio:
        early = self.early = await self.starts.begin()
        if early is not None:
            self.roster.begin(early.nodes)
            self.ready()
            self.ctx.log.info("The radio at %s is up; its libraries are being loaded", self.settings.path)
        with self._closing_early():
            return await open_radio(self.settings, self.ctx.data_dir, self.roster, early)

    async def _up(self, radio: Radio) -> None:
        self.radio = radio
        with self._closing_early():
            await self.roster.attach(radio)
            if self.early is not None:
                self.early.end(radio)
                self.early = None
        self.starts.follow(radio)
        self.watching.begin()
        self.ready()
        self.remember_on(radio)
        self.serve_images(radio)
        self.ctx.log.info("The radio at %s is up", self.settings.path)

    @contextmanager
    def _closing_early(self) -> Iterator[None]:
        """If this fails, a head start has come to nothing."""
        try:
            yield
        except BaseException as error:
            early, self.early = self.early, None
            if early is not None:
                early.close(str(error) or "the radio is being closed")
            raise

    @override
    def went_down(self, reason: str) -> None:
        self.radio = None
        self.starts.lost()
        self.remember_no_more()
        self.updater.detach()
        self.survey.cancel(reason)
        self.watching.end()
        self.roster.detach(reason)
        self.ready(down=reason)
        # The registry ends a pairing session when its protocol goes down.
        self.session = ""
        self._entrance.close()
        self.ctx.log.warning("The radio is down: %s", reason)

    def _group(self, device: Device) -> Group | None:
        return next((one for one in self.grouping.all.values() if one.id == device.id), None)
