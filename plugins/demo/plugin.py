"""The demo home's plugin: pairs what is not paired yet, then plays the script until its time is over."""

import asyncio
import contextlib
import itertools
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, override

import msgspec

from hub.api import Context, Event, HubError, Plugin, on
from plugins.demo.guests import Guests
from plugins.demo.household import CAST, GUESTS, SCRIPT, Act, Role, Scene
from plugins.demo.narrator import Narrator
from plugins.demo.report import Report, about

_RULES, _GUESTS_RULES = (Path(__file__).with_name(name) for name in ("rules.toml", "guests.toml"))
_PROTOCOLS = frozenset({"zigbee", "mqtt", "zwave"})
_PAIR_LIMIT = 30.0


class DemoConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """It ends `seconds` after the hub's start (0: never) and writes the file `report`; `speed` is the script's.

    `hint` is a line to show when the home is alive; `guests` are the protocols beside Zigbee.
    """

    seconds: float = 0.0
    report: str = ""
    speed: float = 1.0
    hint: str = ""
    guests: tuple[str, ...] = ()


class Demo(Plugin):
    """A home to watch."""

    Config: ClassVar[type[msgspec.Struct] | None] = DemoConfig

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self._settings: DemoConfig = ctx.config
        self._narrator = Narrator(later=ctx.clock.call_later)
        self._report = Report()
        self._guests = Guests(ctx, self._narrator)
        self._names: dict[str, str] = {}
        self._virtual: dict[str, str] = {}
        self._configured: dict[str, asyncio.Event] = {}
        self._playing = False
        self._is_over = False
        self._home = ctx.data_dir.parent.parent

    @override
    async def start(self) -> None:
        """Lay out the rules and begin."""
        if self._settings.seconds:
            spent = (await self.ctx.services.call("hub.status")).uptime_s
            self.ctx.clock.call_later(max(self._settings.seconds - spent, 0.0), self._end)
        await asyncio.to_thread(_lay_out, _RULES, self._home / "automations" / "demo.toml")
        self.ctx.tasks.start("plays", self._play())

    @override
    async def stop(self) -> None:
        """Write the report if the end comes before its time."""
        if not self._is_over:
            await self._sum_up()

    # What is heard

    @on("state.changed", subject="device/+/+")
    def value_changed(self, event: Event) -> None:
        """Tell what a device reports."""
        _, device, key = event.subject.split("/")
        if self._playing and event.source in _PROTOCOLS and device in self._names:
            self._narrator.value(self._names[device], key, event.data.value)

    @on("state.changed", subject="device/+")
    def record_changed(self, event: Event) -> None:
        """Learn names, also those the owner changes."""
        device = event.subject.partition("/")[2]
        if event.data.value is None:
            self._names.pop(device, None)
        else:
            self._names[device] = event.data.value["name"]

    @on("device.button")
    def pressed(self, event: Event) -> None:
        """Tell that a button was pressed."""
        device = event.subject.split("/")[1]
        self._narrator.pressed(self._names.get(device, device), event.data.action)

    @on("automation.ran")
    def rule_ran(self, event: Event) -> None:
        """Tell that a rule ran."""
        self._report.automations_run += 1
        self._narrator.about("rule", "rule", self._rule(event))

    @on("automation.failed")
    def rule_failed(self, event: Event) -> None:
        """Tell that a rule failed."""
        self._wrong(f"{self._rule(event)}: {event.data.error}")

    @on("state.changed", subject="automation/+")
    def automation_changed(self, event: Event) -> None:
        """Tell a mistake in a file that was just saved."""
        if event.data.value and event.data.value["status"] == "error":
            self._narrator.tell("wrong", event.data.value["reason"])

    @on("devices.commanded")
    def commanded(self, event: Event) -> None:
        """Count what devices confirmed."""
        if not event.data.error:
            self._report.commands_confirmed += 1

    @on("devices.pairing")
    def pairing(self, event: Event) -> None:
        """Follow the pairing session."""
        step = event.data
        if step.step == "configured" and step.device in self._configured:
            self._configured[step.device].set()
        elif step.step == "failed":
            self._wrong(f"pairing failed: {step.reason}")

    @on("plugin.status")
    def plugin_status(self, event: Event) -> None:
        """A plugin that fails is an error of the demo."""
        if event.data.status in {"failed", "quarantined"}:
            self._wrong(f"plugin {event.data.id}: {event.data.reason}")

    @on("hub.started")
    def started(self, event: Event) -> None:
        """Note how long the start took."""
        self._report.startup_s = round(event.data["startup_s"], 3)

    # What is played

    async def _play(self) -> None:
        tell = self._narrator.tell
        try:
            await self.ctx.services.call("automation.reload")
            await self._radio_ready()
            await self._gather()
            for protocol in self._settings.guests:
                self.ctx.tasks.start(f"welcomes {protocol}", self._welcome(protocol))
        except HubError as error:
            self._wrong(str(error))
            raise
        self._playing = True
        tell("said", "The home is alive.")
        if self._settings.hint:
            tell("said", self._settings.hint)
        for scene in itertools.cycle(SCRIPT):
            await self._scene(scene)

    async def _radio_ready(self) -> None:
        ready = asyncio.Event()

        def heard(event: Event) -> None:
            look(event.data.value or {})

        def look(protocol: Mapping[str, str]) -> None:
            if protocol.get("status") == "ready":
                ready.set()
            elif reason := protocol.get("reason"):
                self._narrator.tell("said", f"Waiting for the radio: {reason}")

        undo = self.ctx.state.watch("protocol/zigbee", heard)
        try:
            look(self.ctx.state.get("protocol/zigbee", {}))
            await ready.wait()
        finally:
            undo()
        network = (await self.ctx.services.call("zigbee.status")).network
        if network is not None:
            self._report.network = msgspec.to_builtins(network)
            self._narrator.tell("said", f"Zigbee network {network.pan_id} on channel {network.channel} is up")

    async def _gather(self) -> None:
        """Make sure that everybody of the cast exists and is paired."""
        shelf = {one["name"]: one for one in await self.ctx.services.call("virtual_radio.devices")}
        known = {one.id: one for one in await self.ctx.services.call("devices.list", protocol="zigbee")}
        waiting: list[tuple[Role, str]] = []
        for role in CAST:
            virtual = shelf.get(role.name) or await self.ctx.services.call(
                "virtual_radio.add", model=role.model, name=role.name
            )
            self._virtual[role.name] = virtual["ieee"]
            device = device_id(virtual["ieee"])
            if device not in known:
                waiting.append((role, "rejoin" if virtual["joined"] else "join"))
            elif _is_untouched(known[device]):  # a run that was killed had paired it, but not named it yet
                known[device] = await self._settle_in(role, device)
        self._names |= {one.id: one.name for one in known.values()}
        self._report.devices_resumed = [about(one) for one in known.values()]
        if known:
            self._narrator.tell("said", f"{len(known)} devices are known from before: no pairing needed")
        if waiting:
            await self._pair(waiting)

    async def _pair(self, waiting: list[tuple[Role, str]]) -> None:
        self._narrator.tell("said", f"Pairing {len(waiting)} devices through devices.pair ...")
        session = await self.ctx.services.call("devices.pair", protocol="zigbee", duration=300.0)
        try:
            for number, (role, button) in enumerate(waiting, 1):
                try:
                    await self._pair_one(role, button, f"{number}/{len(waiting)}")
                except TimeoutError:
                    self._wrong(f"{role.name} was not paired within {_PAIR_LIMIT:g} s")
                except HubError as error:
                    self._wrong(f"{role.name} was not paired: {error}")
        finally:
            with contextlib.suppress(HubError):
                await self.ctx.services.call("devices.pair_cancel", session=session.session)

    async def _pair_one(self, role: Role, button: str, place: str) -> None:
        device = device_id(self._virtual[role.name])
        done = self._configured[device] = asyncio.Event()
        async with asyncio.timeout(_PAIR_LIMIT):
            await self.ctx.services.call(f"virtual_radio.{button}", device=self._virtual[role.name])
            await done.wait()
        entry = about(await self._settle_in(role, device))
        self._report.devices_paired.append(entry)
        self._narrator.paired(entry["name"], place, entry["capabilities"])

    async def _settle_in(self, role: Role, device: str) -> Any:  # noqa: ANN401 - a record as the registry gives it
        """Give a new device its name and its room, unless the owner was quicker or gave the name to another one."""
        if _is_untouched(await self.ctx.services.call("devices.get", device=device)):
            try:
                await self.ctx.services.call("devices.rename", device=device, name=role.name)
            except HubError as error:
                self._narrator.tell("said", f"{role.name}: {error}")
        return await self.ctx.services.call("devices.assign", device=device, area=role.area)

    async def _welcome(self, protocol: str) -> None:
        await self._guests.welcome(protocol)
        self._report.devices_found = self._guests.found
        self._names |= {one["id"]: one["name"] for one in self._guests.found}
        if {role.name for role in GUESTS} == set(self._guests.here):
            await asyncio.to_thread(_lay_out, _GUESTS_RULES, self._home / "automations" / "demo-guests.toml")
            await self.ctx.services.call("automation.reload")

    async def _scene(self, scene: Scene) -> None:
        acts = [act for act in scene.acts if act.role in self._virtual or act.role in self._guests.here]
        if not acts:
            return
        self._narrator.tell("told", scene.text)
        for act in acts:
            if act.role in self._guests.here or device_id(self._virtual[act.role]) in self._names:
                await self._act(act)  # otherwise its owner has removed it
        await self.ctx.clock.sleep(scene.pause / max(self._settings.speed, 0.01))

    async def _act(self, act: Act) -> None:
        try:
            if act.role in self._guests.here:
                await self._guests.act(act)
                return
            await self.ctx.services.call(
                "virtual_radio.act",
                device=self._virtual[act.role],
                stimulus=act.stimulus,
                value=act.value,
                expect=self._virtual.get(act.expect, ""),
            )
        except HubError as error:
            self._wrong(f"{act.role}: {error}")

    def _rule(self, event: Event) -> str:
        known = self.ctx.state.get(event.subject)
        return str(known["name"] if known else event.data.rule)

    def _wrong(self, message: str) -> None:
        self._report.wrong(message)
        self._narrator.tell("wrong", message)

    # The end

    def _end(self) -> None:
        self.ctx.tasks.start("ends", self._finish())

    async def _finish(self) -> None:
        if not self._playing:
            down = self.ctx.state.get("protocol/zigbee", {}).get("reason") or "there was not enough time"
            self._wrong(f"the home did not come alive within {self._settings.seconds:g} s: {down}")
        await self._sum_up()
        self._is_over = True
        await self.ctx.services.call("hub.stop", code=1 if self._report.errors else 0)

    async def _sum_up(self) -> None:
        report, call = self._report, self.ctx.services.call
        with contextlib.suppress(HubError):  # what cannot be asked stays at nothing; why not has been told
            report.rss_mib = (await call("hub.status")).rss_mib
            report.reports_heard = (await call("zigbee.status")).reports
            report.latency_of(await call("virtual_radio.latency"))
        if self._settings.report:
            try:
                await report.write(Path(self._settings.report))
            except OSError as error:
                self._wrong(f"{self._settings.report} cannot be written: {error.strerror}; name another with --report")
        self._narrator.tell(
            "said",
            f"{len(report.devices_paired)} devices paired, {len(report.devices_resumed)} resumed, "
            f"{report.reports_heard} reports,",
        )
        errors = "1 error" if report.errors == 1 else f"{report.errors} errors"
        self._narrator.tell(
            "said", f"{report.automations_run} automations, {report.commands_confirmed} commands, {errors}"
        )


def device_id(ieee: str) -> str:
    """The registry's id of a Zigbee device with this address."""
    return f"zigbee-{ieee.replace(':', '')}"


def _is_untouched(record: Any) -> bool:  # noqa: ANN401 - a record as the registry gives it
    """Whether a device still has the name and place that it was paired with."""
    return not record.area and str(record.name).startswith(record.model)


def _lay_out(rules: Path, place: Path) -> None:
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(rules, place)
