"""The part of the demo home that speaks MQTT and Z-Wave: there if a broker and Node.js are, and never missed."""

import asyncio
from collections.abc import Callable
from typing import Any

from hub.api import Context, Event, HubError
from plugins.demo.household import GUESTS, Act, Role
from plugins.demo.narrator import Narrator
from plugins.demo.report import about

_PATIENCE = 60.0
_LIMIT = 20.0
_SPELT = {"mqtt": "MQTT", "zwave": "Z-Wave"}


class Guests:
    """Brings in the roles of GUESTS whose protocol is there; `here` are those that can act, by name."""

    def __init__(self, ctx: Context, narrator: Narrator) -> None:
        self._ctx = ctx
        self._narrator = narrator
        self.here: dict[str, Role] = {}
        self.found: list[dict[str, Any]] = []

    async def welcome(self, protocol: str) -> None:
        """Wait for a protocol, and give its devices their names and rooms; if it does not come, say why."""
        try:
            await self._welcome(protocol)
        except (HubError, TimeoutError) as error:
            why = str(error) or self._ctx.state.get(f"protocol/{protocol}", {}).get("reason") or "it takes too long"
            self._narrator.tell("said", f"The home is without its {_SPELT[protocol]} devices: {why}")

    async def act(self, act: Act) -> None:
        """Let something happen to one of them. Raises HubError."""
        role = self.here[act.role]
        if role.protocol == "mqtt":
            await self._ctx.services.call("virtual_mqtt.act", device=role.name, stimulus=act.stimulus, value=act.value)
        else:
            told = {"node": int(role.model), "report": act.stimulus, "fields": {"currentValue": act.value}}
            await self._ctx.services.call("zwave.virtual", do="tell", arguments=told)

    async def _welcome(self, protocol: str) -> None:
        async with asyncio.timeout(_PATIENCE):
            await self._until(f"protocol/{protocol}", lambda said: (said or {}).get("status") == "ready")
        for role in GUESTS:
            if role.protocol != protocol:
                continue
            if protocol == "mqtt":
                await self._ctx.services.call("virtual_mqtt.add", model=role.model, name=role.name)
            async with asyncio.timeout(_LIMIT):
                record = await self._settled(role)
            self.here[role.name] = role
            self.found.append(about(record))
            self._narrator.paired(role.name, _SPELT[protocol], self.found[-1]["capabilities"], how="found")

    async def _settled(self, role: Role) -> Any:  # noqa: ANN401 - a record as the registry gives it
        """The device of a role as soon as it is known, with its name and its room."""
        added = asyncio.Event()
        undo = self._ctx.events.subscribe("devices.added", lambda _: added.set())
        try:
            while (record := await self._find(role)) is None:
                added.clear()
                await added.wait()
        finally:
            undo()
        if record.name != role.name and not record.area:
            await self._ctx.services.call("devices.rename", device=record.id, name=role.name)
        if record.area:
            return record
        return await self._ctx.services.call("devices.assign", device=record.id, area=role.area)

    async def _find(self, role: Role) -> Any:  # noqa: ANN401
        known = await self._ctx.services.call("devices.list", protocol=role.protocol)
        fits = (one for one in known if role.name == one.name or one.id.endswith(f"-{role.model}"))
        return next(fits, None)

    async def _until(self, path: str, holds: Callable[[Any], bool]) -> None:
        held = asyncio.Event()

        def heard(event: Event) -> None:
            if holds(event.data.value):
                held.set()

        undo = self._ctx.state.watch(path, heard)
        try:
            if not holds(self._ctx.state.get(path)):
                await held.wait()
        finally:
            undo()
