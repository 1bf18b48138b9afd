"""What runs in the virtual devices: their topics and payloads, without a connection.

Sources: https://tasmota.github.io/docs/MQTT and its discovery protocol; https://esphome.io/components/mqtt and Home
Assistant's MQTT discovery, which ESPHome speaks.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, override

from hub.api import HubError

type Value = bool | float | str | None

_LONGEST = 64
_SWITCHED = {"ON": True, "1": True, "OFF": False, "0": False}
_MAC_STEP = 0x10


class VirtualMqttError(HubError):
    """A virtual device cannot do what was asked."""


class Telegram(NamedTuple):
    """What a device publishes."""

    topic: str
    payload: str
    retain: bool = False


class Firmware(ABC):
    """One device: it greets, hears commands on `hears`, and can be used by hand; `will` is published when it dies."""

    model: ClassVar[str]
    stimuli: ClassVar[tuple[str, ...]]

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.mac = f"02D0{number:08X}"
        self.hears: tuple[str, ...] = ()
        self.will = Telegram("", "")

    @abstractmethod
    def greet(self) -> Sequence[Telegram]:
        """What it publishes when it has connected: that it is there, what it is, and how it stands."""

    @abstractmethod
    def commanded(self, topic: str, payload: str) -> Sequence[Telegram]:
        """Carry out a command, and answer; nonsense is not answered."""

    @abstractmethod
    def used(self, stimulus: str, value: Value) -> Sequence[Telegram]:
        """Somebody uses it, or the world around it changes. Raises VirtualMqttError."""

    def _number(self, stimulus: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise VirtualMqttError(f"{self.name}: {stimulus} wants a number, not {value!r:.40}")
        return float(value)

    def _unknown(self, stimulus: str) -> VirtualMqttError:
        return VirtualMqttError(f"{self.name} knows no {stimulus!r:.40}; it knows {', '.join(self.stimuli)}")


class TasmotaPlug(Firmware):
    """A plug that measures, with Tasmota."""

    model = "tasmota-plug"
    stimuli = ("on_off", "power")

    def __init__(self, name: str, number: int) -> None:
        super().__init__(name, number)
        self.topic = f"tasmota_{self.mac[-6:]}"
        self.on = False
        self.power = 0.0
        self.hears = (f"cmnd/{self.topic}/+",)
        self.will = Telegram(f"tele/{self.topic}/LWT", "Offline", retain=True)

    @override
    def greet(self) -> Sequence[Telegram]:
        config = {
            "dn": self.name,
            "fn": [self.name],
            "hn": self.topic,
            "if": 0,
            "ip": "127.0.0.1",
            "lk": 0,
            "mac": self.mac,
            "md": "Nous A1T",
            "ofln": "Offline",
            "onln": "Online",
            "state": ["OFF", "ON", "TOGGLE", "HOLD"],
            "sw": "14.1.0",
            "t": self.topic,
            "ft": "%prefix%/%topic%/",
            "tp": ["cmnd", "stat", "tele"],
            "rl": [1, 0, 0, 0, 0, 0, 0, 0],
            "so": {"4": 0},
            "ver": 1,
        }
        found = f"tasmota/discovery/{self.mac}"
        return (
            Telegram(f"{found}/config", json.dumps(config), retain=True),
            Telegram(f"{found}/sensors", json.dumps({"sn": self._sensors(), "ver": 1}), retain=True),
            Telegram(self.will.topic, "Online", retain=True),
            Telegram(f"tele/{self.topic}/STATE", json.dumps({"POWER": self._word()})),
            self._measured(),
        )

    @override
    def commanded(self, topic: str, payload: str) -> Sequence[Telegram]:
        word = payload.strip().upper()
        match topic.rpartition("/")[2].upper():
            case "POWER" | "POWER1" if word == "TOGGLE" or word in _SWITCHED:
                self.on = not self.on if word == "TOGGLE" else _SWITCHED[word]
                return self._switched()
            case "POWER" | "POWER1" if not word:
                return self._switched()
            case "STATE":
                return (Telegram(f"stat/{self.topic}/RESULT", json.dumps({"POWER": self._word()})),)
            case "STATUS":
                status = json.dumps({"StatusSNS": self._sensors()})
                return (Telegram(f"stat/{self.topic}/STATUS10", status),)
        return ()

    @override
    def used(self, stimulus: str, value: Value) -> Sequence[Telegram]:
        match stimulus:
            case "on_off":
                self.on = bool(value)
                return self._switched()
            case "power":
                self.power = self._number(stimulus, value)
                return (self._measured(),)
        raise self._unknown(stimulus)

    def _word(self) -> str:
        return "ON" if self.on else "OFF"

    def _switched(self) -> Sequence[Telegram]:
        return (
            Telegram(f"stat/{self.topic}/RESULT", json.dumps({"POWER": self._word()})),
            Telegram(f"stat/{self.topic}/POWER", self._word()),
        )

    def _sensors(self) -> dict[str, Any]:
        return {"Time": "2024-01-01T00:00:00", "ENERGY": {"Total": 1.5, "Power": self.power, "Voltage": 230}}

    def _measured(self) -> Telegram:
        return Telegram(f"tele/{self.topic}/SENSOR", json.dumps(self._sensors()))


class EsphomeClimate(Firmware):
    """A thermometer with ESPHome, which speaks Home Assistant's discovery."""

    model = "esphome-climate"
    stimuli = ("temperature", "humidity")
    _WORDS: ClassVar = {"temperature": "°C", "humidity": "%"}

    def __init__(self, name: str, number: int) -> None:
        super().__init__(name, number)
        self.node = f"climate-{self.mac[-6:].lower()}"
        self.values = {"temperature": 12.0, "humidity": 60.0}
        self.will = Telegram(f"{self.node}/status", "offline", retain=True)

    @override
    def greet(self) -> Sequence[Telegram]:
        device = {
            "ids": self.mac.lower(),
            "name": self.name,
            "mdl": "esp32dev",
            "mf": "Espressif",
            "sw": "2025.2.0",
            "cns": [["mac", ":".join(self.mac[at : at + 2].lower() for at in range(0, 12, 2))]],
        }
        configs = [
            Telegram(
                f"homeassistant/sensor/{self.node}/{word}/config",
                json.dumps(
                    {
                        "dev_cla": word,
                        "unit_of_meas": unit,
                        "stat_cla": "measurement",
                        "name": word.capitalize(),
                        "stat_t": f"{self.node}/sensor/{word}/state",
                        "avty_t": self.will.topic,
                        "uniq_id": f"{self.mac}-sensor-{word}",
                        "dev": device,
                    }
                ),
                retain=True,
            )
            for word, unit in self._WORDS.items()
        ]
        states = [self._state(word) for word in self._WORDS]
        return (*configs, Telegram(self.will.topic, "online", retain=True), *states)

    @override
    def commanded(self, topic: str, payload: str) -> Sequence[Telegram]:
        return ()

    @override
    def used(self, stimulus: str, value: Value) -> Sequence[Telegram]:
        if stimulus not in self.values:
            raise self._unknown(stimulus)
        self.values[stimulus] = self._number(stimulus, value)
        return (self._state(stimulus),)

    def _state(self, word: str) -> Telegram:
        return Telegram(f"{self.node}/sensor/{word}/state", f"{self.values[word]:.1f}", retain=True)


MODELS: dict[str, type[Firmware]] = {one.model: one for one in (TasmotaPlug, EsphomeClimate)}


def make(model: str, name: str, number: int) -> Firmware:
    """A device of this model; `number` makes its address. Raises VirtualMqttError."""
    if model not in MODELS:
        raise VirtualMqttError(f"there is no virtual MQTT model {model!r:.40}; there are {', '.join(MODELS)}")
    if not 1 <= len(name) <= _LONGEST:
        raise VirtualMqttError(f"a name has 1 to {_LONGEST} characters")
    return MODELS[model](name, number * _MAC_STEP)
