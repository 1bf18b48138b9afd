"""The demo home's Z-Wave devices: what the virtual stick has, each in its room, with rules of their own."""

import asyncio
import itertools
import shutil
from contextlib import suppress
from pathlib import Path

from hub.api import Context, HubError
from plugins.demo.narrator import Narrator

RULES = Path(__file__).with_name("zwave-rules.toml")
# The node ids of device_plugins/zwave/server/home.cjs.
ROOMS = {
    "2": ("Porch light", "Porch"),
    "3": ("Cellar climate", "Cellar"),
    "4": ("Garage lock", "Garage"),
    "5": ("Dining lamp", "Dining room"),
}
_IN_THE_RULES, _SENSOR = "2", "3"
_TEMPERATURES = (12.5, 12.7, 12.9, 12.6)
_PAUSE = 6.0


class Rooms:
    """Settles them in as they are found; the rest of the home does not wait for them."""

    def __init__(self, ctx: Context, narrator: Narrator, rules: Path) -> None:
        self._ctx = ctx
        self._narrator = narrator
        self._rules = rules
        self.settled: set[str] = set()

    async def settle_in(self, device: str, *, is_new: bool) -> None:
        """Give a new device its name and its room; let it do what it does by itself."""
        number = device.rpartition("-")[2]
        if number not in ROOMS:
            return
        name, area = ROOMS[number]
        try:
            if is_new:
                await self._ctx.services.call("devices.rename", device=device, name=name)
                await self._ctx.services.call("devices.assign", device=device, area=area)
                self._narrator.about("said", name, "is there, over Z-Wave")
            self.settled.add(device)
            if number == _IN_THE_RULES:
                await asyncio.to_thread(_lay_out, self._rules)
                await self._ctx.services.call("automation.reload")
        except HubError as error:
            self._narrator.tell("said", f"{name}: {error}")
        if number == _SENSOR:
            await self._weather(int(number))

    async def _weather(self, node: int) -> None:
        for value in itertools.cycle(_TEMPERATURES):
            await self._ctx.clock.sleep(_PAUSE)
            told = {"type": 1, "scale": 0, "value": value}
            arguments = {"node": node, "report": "MultilevelSensorCCReport", "fields": told}
            with suppress(HubError):  # it is not there, or the stick is not
                await self._ctx.services.call("zwave.virtual", do="tell", arguments=arguments)


def _lay_out(rules: Path) -> None:
    if not rules.exists():
        rules.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(RULES, rules)
