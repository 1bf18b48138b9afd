"""Loading of what is heavy, stated as lazy: the MQTT library and the conventions come on first use, in a thread."""

import asyncio
import importlib
from collections.abc import Iterable

from device_plugins.mqtt.convention import Convention, Terms
from device_plugins.mqtt.conventions import make
from device_plugins.mqtt.description import Message
from device_plugins.mqtt.network import BrokerError, Connection, Receiver
from device_plugins.mqtt.settings import Settings
from hub.api import Tasks


class Opener:
    """Opens connections; the version of MQTT that the broker spoke last is tried first."""

    def __init__(self, settings: Settings, will: Message, receiver: Receiver, tasks: Tasks) -> None:
        self._settings = settings
        self._will = will
        self._receiver = receiver
        self._tasks = tasks
        self._is_old = settings.version == "3.1.1"
        self.identifier = settings.client_id

    async def open(self) -> Connection:
        """Connect by MQTT 5, or by 3.1.1 where that is asked for or the broker knows no other.

        Raises BrokerError.
        """
        await asyncio.to_thread(importlib.import_module, "device_plugins.mqtt.connection")
        from device_plugins.mqtt import connection  # noqa: PLC0415 - lazy loading

        how = (self.identifier, self._will, self._receiver, self._tasks)
        if not self._is_old:
            try:
                return await connection.open_connection(self._settings, "5", *how)
            except connection.VersionError:
                if self._settings.version == "5":
                    raise
        opened = await connection.open_connection(self._settings, "3.1.1", *how)
        self._is_old = True
        return opened


async def load_conventions(names: Iterable[str], settings: Settings) -> list[Convention]:
    """Make the conventions of these names.

    Raises BrokerError for a name that there is not.
    """

    def load() -> list[Convention]:
        return [make(name, Terms(settings.prefixes.get(name, ()), settings.publish.prefix)) for name in names]

    try:
        return await asyncio.to_thread(load)
    except KeyError as error:
        raise BrokerError(f"[plugin.mqtt] conventions: there is no convention {error}") from error
