"""The plugin's section of the configuration."""

from typing import Annotated, Literal

import msgspec

from device_plugins.mqtt.conventions.table import TableDevice
from device_plugins.mqtt.publishing.settings import Publish

type Seconds = Annotated[float, msgspec.Meta(gt=0)]
type Bytes = Annotated[int, msgspec.Meta(ge=256, le=1 << 24)]

PLAIN_PORT, TLS_PORT = 1883, 8883


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[plugin.mqtt]`: where the broker is, and what becomes of the devices on it.

    `port` 0 is 1883, or 8883 with `tls`. `ca`, `certificate` and `private_key` are files; without `ca` the system's
    authorities are believed. `version` is that of MQTT, `auto` for 5 and else 3.1.1. `client_id` is made up at the
    first start. `keepalive`: after twice so many seconds a broker that is silent is given up. A lost broker is tried
    again after `retry_first` seconds, then ever later up to `retry_most`; the start of the hub waits `start_wait` for
    it. `topic` is where the hub tells of itself. With `adopt = "pairing"` a device is let in while a pairing session is
    open only. `conventions` are those to hear, without it all; `prefixes` are their topics where they are not the usual
    ones. Payloads longer than `discovery_limit` or `reading_limit` bytes are passed over. A device has `confirm`
    seconds to confirm a command. `device` are devices without a convention; `publish` is what others are told of those
    of other protocols.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    username: str = ""
    password: str = ""
    tls: bool = False
    ca: str = ""
    certificate: str = ""
    private_key: str = ""
    version: Literal["auto", "5", "3.1.1"] = "auto"
    client_id: Annotated[str, msgspec.Meta(max_length=64)] = ""
    keepalive: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 10
    retry_first: Seconds = 1.0
    retry_most: Seconds = 60.0
    start_wait: Annotated[float, msgspec.Meta(ge=0)] = 5.0
    topic: Annotated[str, msgspec.Meta(pattern=r"^[^+#/\x00][^+#\x00]{0,99}$")] = "domovoi"
    adopt: Literal["always", "pairing"] = "always"
    conventions: tuple[str, ...] | None = None
    prefixes: dict[str, tuple[str, ...]] = {}
    discovery_limit: Bytes = 262_144
    reading_limit: Bytes = 65_536
    confirm: Seconds = 5.0
    device: tuple[TableDevice, ...] = ()
    publish: Publish = Publish()

    @property
    def broker(self) -> str:
        """Where the broker is, for people."""
        return f"{self.host}:{self.broker_port}"

    @property
    def broker_port(self) -> int:
        """The port, also when it is the usual one."""
        return self.port or (TLS_PORT if self.tls else PLAIN_PORT)
