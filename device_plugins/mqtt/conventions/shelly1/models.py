"""What each model of the first generation has."""

from collections.abc import Mapping
from typing import Literal

import msgspec


class Model(msgspec.Struct, frozen=True):
    """One model.

    - `relays`, `inputs`, `emeters`: how many; `metered`: each relay measures power and energy; `shared`: one meter does
      for all of them.
    - `lamp`: the topics of its lights, `lamps` of them; `whites` is the range of its colour temperature in K.
    - `roller`, `color`: what it is in that mode (`mode` in its announcement).
    - `own`: sensors on topics of their own, `status`: sensors in the JSON of `status`; rows of `sensors`.
    - `sleeps`: it runs on a battery, and is heard of when it wakes.
    """

    name: str
    relays: int = 0
    inputs: int = 0
    metered: bool = False
    shared: bool = False
    emeters: int = 0
    lamp: Literal["", "light", "color", "white"] = ""
    lamps: int = 1
    whites: tuple[int, int] | None = None
    roller: bool = False
    color: bool = False
    own: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    events: bool = False
    sleeps: bool = False
    thermostat: bool = False


_HOT = ("temperature",)
_EXTERNAL = ("ext_temperature/0", "ext_temperature/1", "ext_temperature/2", "ext_humidity/0")
_DOOR = ("sensor/state", "sensor/lux", "sensor/vibration", "sensor/tilt", "sensor/battery")
_MOTION = ("motion", "vibration", "lux", "bat")

MODELS: Mapping[str, Model] = {
    "SHSW-1": Model("Shelly 1", relays=1, inputs=1, events=True, own=_EXTERNAL),
    "SHSW-L": Model("Shelly 1L", relays=1, inputs=2, metered=True, events=True, own=(*_HOT, *_EXTERNAL)),
    "SHSW-PM": Model("Shelly 1PM", relays=1, inputs=1, metered=True, events=True, own=(*_HOT, *_EXTERNAL)),
    "SHSW-21": Model("Shelly 2", relays=2, inputs=2, shared=True, roller=True),
    "SHSW-25": Model("Shelly 2.5", relays=2, inputs=2, metered=True, roller=True, events=True, own=(*_HOT, "voltage")),
    "SHSW-44": Model("Shelly 4Pro", relays=4, inputs=4, metered=True),
    "SHUNI-1": Model("Shelly UNI", relays=2, inputs=2, events=True, own=(*_EXTERNAL, "adc/0")),
    "SHPLG-1": Model("Shelly Plug", relays=1, metered=True),
    "SHPLG2-1": Model("Shelly Plug E", relays=1, metered=True),
    "SHPLG-S": Model("Shelly Plug S", relays=1, metered=True, own=_HOT),
    "SHPLG-U1": Model("Shelly Plug US", relays=1, metered=True),
    "SHEM": Model("Shelly EM", relays=1, emeters=2),
    "SHEM-3": Model("Shelly 3EM", relays=1, emeters=3),
    "SHDM-1": Model("Shelly Dimmer", lamp="light", metered=True, inputs=2, events=True, own=_HOT),
    "SHDM-2": Model("Shelly Dimmer 2", lamp="light", metered=True, inputs=2, events=True, own=_HOT),
    "SHVIN-1": Model("Shelly Vintage", lamp="light", metered=True),
    "SHBDUO-1": Model("Shelly Duo", lamp="light", metered=True, whites=(2700, 6500)),
    "SHBLB-1": Model("Shelly Bulb", lamp="color", whites=(3000, 6500)),
    "SHCB-1": Model("Shelly Bulb RGBW", lamp="color", whites=(3000, 6500), metered=True),
    "SHRGBW2": Model("Shelly RGBW2", lamp="white", lamps=4, color=True, metered=True, inputs=1, events=True),
    "SHIX3-1": Model("Shelly i3", inputs=3, events=True),
    "SHBTN-1": Model("Shelly Button 1", inputs=1, events=True, own=("sensor/battery",), sleeps=True),
    "SHBTN-2": Model("Shelly Button 1", inputs=1, events=True, own=("sensor/battery",), sleeps=True),
    "SHHT-1": Model("Shelly H&T", own=("sensor/temperature", "sensor/humidity", "sensor/battery"), sleeps=True),
    "SHWT-1": Model("Shelly Flood", own=("sensor/flood", "sensor/temperature", "sensor/battery"), sleeps=True),
    "SHSM-01": Model("Shelly Smoke", own=("sensor/smoke", "sensor/temperature", "sensor/battery"), sleeps=True),
    "SHDW-1": Model("Shelly Door/Window", own=_DOOR, sleeps=True),
    "SHDW-2": Model("Shelly Door/Window 2", own=(*_DOOR, "sensor/temperature"), sleeps=True),
    "SHGS-1": Model("Shelly Gas", own=("sensor/gas", "sensor/concentration")),
    "SHMOS-01": Model("Shelly Motion", status=_MOTION, sleeps=True),
    "SHMOS-02": Model("Shelly Motion 2", status=(*_MOTION, "tmp"), sleeps=True),
    "SHTRV-01": Model("Shelly TRV", thermostat=True),
}
"""By the model that it announces."""
