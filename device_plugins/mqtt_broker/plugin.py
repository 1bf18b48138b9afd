"""The broker as a plugin: it keeps Mosquitto running, and ends it with the hub."""

import asyncio
from typing import Annotated, ClassVar, override

import msgspec

from device_plugins.mqtt_broker.mosquitto import Mosquitto, MosquittoError, find, write_config
from hub.api import Context, Plugin, Task, service

_PAUSES = (0.5, 1.0, 2.0, 5.0, 15.0)


class BrokerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[plugin.mqtt_broker]`: the loopback's port, the program, and further lines of Mosquitto's configuration."""

    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 1883
    program: str = "mosquitto"
    options: dict[str, str | int] = {}


class MqttBroker(Plugin):
    """Keeps a Mosquitto running on the loopback."""

    Config: ClassVar[type[msgspec.Struct] | None] = BrokerConfig

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self._config: BrokerConfig = ctx.config
        self._mosquitto: Mosquitto | None = None
        self._running: Task[None] | None = None
        self._down = "it has not been started yet"

    @override
    async def start(self) -> None:
        config = self._config
        program = await asyncio.to_thread(find, config.program)
        written = await asyncio.to_thread(write_config, self.ctx.data_dir, config.port, config.options)
        log = self.ctx.data_dir / "mosquitto.log"
        self._mosquitto = Mosquitto(program, written, log, config.port)
        try:
            await self._mosquitto.start(self.ctx.clock)
        except BaseException:
            await self._mosquitto.stop()
            raise
        self._down = ""
        self._running = self.ctx.tasks.start("keeps Mosquitto running", self._keep_running(self._mosquitto))

    @override
    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
        if self._mosquitto is not None:
            await self._mosquitto.stop()

    @service
    async def health(self) -> dict[str, str]:
        """Whether the broker runs, for the hub's health."""
        return {"status": "degraded" if self._down else "ok", "reason": self._down}

    async def _keep_running(self, mosquitto: Mosquitto) -> None:
        number = 0
        while True:
            code = await mosquitto.ended()
            self._down = f"Mosquitto ended with code {code}"
            pause = _PAUSES[min(number, len(_PAUSES) - 1)]
            self.ctx.log.error("%s; starting it again in %g s", self._down, pause)
            await self.ctx.clock.sleep(pause)
            try:
                await mosquitto.start(self.ctx.clock)
            except MosquittoError as error:
                await mosquitto.stop()
                self.ctx.log.error("%s", error)  # noqa: TRY400 - one sentence says it
                number += 1
            else:
                self._down, number = "", 0
