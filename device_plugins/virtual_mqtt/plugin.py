"""Virtual MQTT devices as a plugin of the hub: each has its own connection to the broker, as a real one has."""

import asyncio
import importlib
import zlib
from typing import Any, ClassVar, override

import msgspec

from device_plugins.virtual_mqtt.firmware import MODELS, Firmware, Telegram, Value, VirtualMqttError, make
from hub.api import Context, Plugin, service

_PAUSES = (0.5, 1.0, 2.0, 5.0)
_QOS = 1
_MOST = 256


class VirtualMqttConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the broker is."""

    host: str = "127.0.0.1"
    port: int = 1883


class VirtualMqtt(Plugin):
    """Services to add and use virtual MQTT devices. They are gone when it ends."""

    Config: ClassVar[type[msgspec.Struct] | None] = VirtualMqttConfig

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self._devices: dict[str, Firmware] = {}
        self._connected: dict[str, Any] = {}

    @override
    async def stop(self) -> None:
        """Say goodbye as devices do that lose their power: the broker tells it."""
        self._connected.clear()

    @service
    async def models(self) -> dict[str, list[str]]:
        """The models a virtual device can be, with what can be done to each."""
        return {name: list(model.stimuli) for name, model in MODELS.items()}

    @service
    async def devices(self) -> list[dict[str, Any]]:
        """The virtual devices there are."""
        return [self._told(one) for one in self._devices.values()]

    @service
    async def add(self, model: str, name: str) -> dict[str, Any]:
        """Plug a device in; its address follows from its name. One with this name that is there already stays."""
        known = self._devices.get(name)
        if known is None:
            if len(self._devices) >= _MOST:
                raise VirtualMqttError(f"there are {_MOST} virtual MQTT devices, and no more can be added")
            known = self._devices[name] = make(model, name, zlib.crc32(name.encode()) & 0xFFFFFFF)
            self.ctx.tasks.start(f"runs {name}", self._run(known))
        if known.model != model:
            raise VirtualMqttError(f"{name} is a {known.model} already; choose another name")
        return self._told(known)

    @service
    async def act(self, device: str, stimulus: str, value: Value = None) -> None:
        """Use a device by hand, or change the world around it; the broker has it when this returns."""
        if (found := self._devices.get(device)) is None:
            raise VirtualMqttError(f"there is no virtual MQTT device {device!r:.40}; add it first")
        if (client := self._connected.get(device)) is None:
            raise VirtualMqttError(f"{device} has no connection to the broker at {self._where()}")
        try:
            for one in found.used(stimulus, value):
                await _publish(client, one)
        except self._library().MqttError as error:
            raise VirtualMqttError(f"{device} lost its connection to the broker at {self._where()}: {error}") from error

    def _told(self, device: Firmware) -> dict[str, Any]:
        return {
            "name": device.name,
            "model": device.model,
            "mac": device.mac,
            "connected": device.name in self._connected,
        }

    def _where(self) -> str:
        return f"{self.ctx.config.host}:{self.ctx.config.port}"

    @staticmethod
    def _library() -> Any:  # noqa: ANN401 - a module, loaded on first use
        return importlib.import_module("aiomqtt")

    async def _run(self, device: Firmware) -> None:
        library = await asyncio.to_thread(self._library)
        failures = 0
        while True:
            try:
                async with library.Client(
                    self.ctx.config.host,
                    self.ctx.config.port,
                    identifier=f"DVES_{device.mac[-6:]}",
                    will=library.Will(device.will.topic, device.will.payload, _QOS, device.will.retain),
                ) as client:
                    failures = 0
                    await self._live(device, client)
            except library.MqttError as error:
                self.ctx.log.info("%s is without the broker at %s: %s", device.name, self._where(), error)
            finally:
                self._connected.pop(device.name, None)
            await self.ctx.clock.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
            failures += 1

    async def _live(self, device: Firmware, client: Any) -> None:  # noqa: ANN401 - the library's client
        for pattern in device.hears:
            await client.subscribe(pattern, qos=_QOS)
        for one in device.greet():
            await _publish(client, one)
        self._connected[device.name] = client
        async for message in client.messages:
            payload = bytes(message.payload or b"").decode(errors="replace")
            for one in device.commanded(str(message.topic), payload):
                await _publish(client, one)


async def _publish(client: Any, one: Telegram) -> None:  # noqa: ANN401 - the library's client
    await client.publish(one.topic, one.payload, qos=_QOS, retain=one.retain)
