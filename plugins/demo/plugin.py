"""The demo home's plugin: pairs what is not paired yet, then plays the script until its time is over."""

import asyncio
import contextlib
import itertools
import shutil
from pathlib import Path
from typing import Any, ClassVar, override

import msgspec

from hub.api import Context, Event, HubError, Plugin, on
from plugins.demo.household import CAST, SCRIPT, Act, Role, Scene
from plugins.demo.narrator import Narrator
from plugins.demo.report import Report, about

_RULES = Path(__file__).with_name("rules.toml")
_PAIR_LIMIT = 30.0


class DemoConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`seconds` after which the hub ends (0: never); `report` is a file to write then; `speed` of the script."""

    seconds: float = 0.0
    report: str = ""
    speed: float = 1.0


class Demo(Plugin):
    """A home to watch."""

    Config: ClassVar[type[msgspec.Struct] | None] = DemoConfig

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self._settings: DemoConfig = ctx.config
        self._narrator = Narrator()
        self._report = Report()
        self._names: dict[str, str] = {}
        self._virtual: dict[str, str] = {}
        self._button: dict[str, str] = {}
        self._configured: dict[str, asyncio.Event] = {}
        self._playing = False
        self._home = ctx.data_dir.parent.parent

    @override
    async def start(self) -> None:
        """Lay out the rules and begin."""
        await asyncio.to_thread(_lay_out, self._home / "automations" / "demo.toml")
        await self.ctx.services.call("automation.reload")
        self.ctx.tasks.start("plays", self._play())
        if self._settings.seconds:
            self.ctx.clock.call_later(self._settings.seconds, self._end)

    # What is heard

    @on("state.changed", subject="device/+/+")
    def value_changed(self, event: Event) -> None:
        """Tell what a device reports."""
        _, device, key = event.subject.split("/")
        if event.source != "zigbee" or key.startswith(("availability", "last_seen")):
            return
        if self._playing and device in self._names:
            commanded = key.partition(".")[0] in _DRIVEN
            self._narrator.value(self._names[device], key, event.data.value, commanded=commanded)

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
        self._narrator.tell("heard", f"{self._names.get(device, device):<16} button: {event.data.action}")

    @on("automation.ran")
    def rule_ran(self, event: Event) -> None:
        """Tell that a rule ran."""
        self._report.automations_run += 1
        self._narrator.tell("rule", f"{'rule':<16} {self._rule(event)}")

    @on("automation.failed")
    def rule_failed(self, event: Event) -> None:
        """Tell that a rule failed."""
        self._report.wrong(f"{self._rule(event)}: {event.data.error}")
        self._narrator.tell("wrong", f"{self._rule(event)}: {event.data.error}")

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
            self._report.wrong(f"pairing: {step.reason}")
            self._narrator.tell("wrong", f"pairing failed: {step.reason}")

    @on("plugin.status")
    def plugin_status(self, event: Event) -> None:
        """A plugin that fails is an error of the demo."""
        if event.data.status in {"failed", "quarantined"}:
            self._report.wrong(f"plugin {event.data.id}: {event.data.reason}")

    @on("hub.started")
    def started(self, event: Event) -> None:
        """Note how long the start took."""
        self._report.startup_s = round(event.data["startup_s"], 3)

    # What is played

    async def _play(self) -> None:
        tell = self._narrator.tell
        try:
            await self._radio_ready()
            network = (await self.ctx.services.call("zigbee.status")).network
            self._report.network = msgspec.to_builtins(network)
            tell("said", f"Zigbee network {network.pan_id} on channel {network.channel} is up")
            await self._gather()
            self._playing = True
            tell("said", f"The home is alive. In another terminal try: hub --data {self._home} devices list")
            for scene in itertools.cycle(SCRIPT):
                await self._scene(scene)
        except Exception as error:
            self._report.wrong(str(error))
            tell("wrong", str(error))
            raise

    async def _radio_ready(self) -> None:
        ready = asyncio.Event()

        def heard(event: Event) -> None:
            if _is_ready(event.data.value):
                ready.set()

        undo = self.ctx.state.watch("protocol/zigbee", heard)
        try:
            if not _is_ready(self.ctx.state.get("protocol/zigbee")):
                self._narrator.tell("said", "Starting the radio ...")
                await ready.wait()
        finally:
            undo()

    async def _gather(self) -> None:
        """Make sure that everybody of the cast exists and is paired."""
        shelf = {one["name"]: one for one in await self.ctx.services.call("virtual_radio.devices")}
        known = {one.id: one for one in await self.ctx.services.call("devices.list", protocol="zigbee")}
        self._names |= {one.id: one.name for one in known.values()}
        waiting: list[Role] = []
        for role in CAST:
            virtual = shelf.get(role.name) or await self.ctx.services.call(
                "virtual_radio.add", model=role.model, name=role.name
            )
            self._virtual[role.name] = virtual["ieee"]
            self._button[role.name] = "virtual_radio.rejoin" if virtual.get("joined") else "virtual_radio.join"
            device = device_id(virtual["ieee"])
            if device in known:
                self._report.devices_resumed.append(about(known[device]))
            else:
                waiting.append(role)
        if resumed := self._report.devices_resumed:
            self._narrator.tell("said", f"{len(resumed)} devices are known from before: no pairing needed")
        if waiting:
            await self._pair(waiting)

    async def _pair(self, waiting: list[Role]) -> None:
        self._narrator.tell("said", f"Pairing {len(waiting)} devices through devices.pair ...")
        session = await self.ctx.services.call("devices.pair", protocol="zigbee", duration=300.0)
        try:
            for number, role in enumerate(waiting, 1):
                try:
                    await self._pair_one(role, f"{number}/{len(waiting)}")
                except TimeoutError:
                    message = f"{role.name} was not paired within {_PAIR_LIMIT:g} s"
                    self._report.wrong(message)
                    self._narrator.tell("wrong", message)
        finally:
            with contextlib.suppress(HubError):
                await self.ctx.services.call("devices.pair_cancel", session=session.session)

    async def _pair_one(self, role: Role, place: str) -> None:
        ieee = self._virtual[role.name]
        device = device_id(ieee)
        done = self._configured[device] = asyncio.Event()
        async with asyncio.timeout(_PAIR_LIMIT):
            await self.ctx.services.call(self._button[role.name], device=ieee)
            await done.wait()
        await self.ctx.services.call("devices.rename", device=device, name=role.name)
        record = await self.ctx.services.call("devices.assign", device=device, area=role.area)
        entry = about(record)
        self._report.devices_paired.append(entry)
        what = ", ".join(entry["capabilities"][:5])
        self._narrator.tell("done", f"{role.name:<16} paired ({place}): {what}")

    async def _scene(self, scene: Scene) -> None:
        self._narrator.tell("told", scene.text)
        for act in scene.acts:
            await self._act(act)
        await self.ctx.clock.sleep(scene.pause / max(self._settings.speed, 0.01))

    async def _act(self, act: Act) -> None:
        if act.role not in self._virtual:
            return
        await self.ctx.services.call(
            "virtual_radio.act",
            device=self._virtual[act.role],
            stimulus=act.stimulus,
            value=act.value,
            expect=self._virtual.get(act.expect, ""),
        )

    def _rule(self, event: Event) -> str:
        known = self.ctx.state.get(event.subject)
        return str(known["name"] if known else event.data.rule)

    # The end

    def _end(self) -> None:
        self.ctx.tasks.start("ends", self._finish())

    async def _finish(self) -> None:
        report = self._report
        try:
            latency = await self.ctx.services.call("virtual_radio.latency")
            report.latency_ms = {"p50": latency["p50_ms"], "p99": latency["p99_ms"]}
            zigbee = await self.ctx.services.call("zigbee.status")
            report.reports_heard = zigbee.reports
            report.rss_mib = (await self.ctx.services.call("hub.status")).rss_mib
        except HubError as error:
            report.wrong(str(error))
        if self._settings.report:
            try:
                await report.write(Path(self._settings.report))
            except OSError as error:
                report.wrong(f"{self._settings.report} cannot be written: {error.strerror}; name another with --report")
                self._narrator.tell("wrong", report.error_messages[-1])
        paired, resumed = len(report.devices_paired), len(report.devices_resumed)
        self._narrator.tell(
            "said",
            f"{paired} devices paired, {resumed} resumed, {report.reports_heard} reports, "
            f"{report.automations_run} automations, {report.commands_confirmed} commands, {report.errors} errors",
        )
        await self.ctx.services.call("hub.stop", code=1 if report.errors else 0)


_DRIVEN = frozenset(
    {
        "on_off",
        "level",
        "color_xy",
        "color_hue",
        "color_saturation",
        "color_temperature",
        "color_mode",
        "cover_position",
        "lock",
    }
)


def device_id(ieee: str) -> str:
    """The registry's id of a Zigbee device with this address."""
    return f"zigbee-{ieee.replace(':', '')}"


def _is_ready(protocol: Any) -> bool:  # noqa: ANN401 - a state value
    return isinstance(protocol, dict) and protocol.get("status") == "ready"


def _lay_out(rules: Path) -> None:
    if not rules.exists():
        rules.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_RULES, rules)
