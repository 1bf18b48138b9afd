"""The buttons and switches of a device of Tasmota, as far as it tells of them (SetOption73 and 114)."""

from device_plugins.mqtt.conventions.parsing import listed, whole
from device_plugins.mqtt.conventions.taking import at, meaning
from device_plugins.mqtt.conventions.tasmota.setup import Setup
from device_plugins.mqtt.description import NOTHING, Take
from device_plugins.sdk import ButtonPressed

_BUTTONS_TOLD, _SWITCHES_TOLD = 73, 114
_INPUTS = 32
_ACTIONS = {
    "SINGLE": "single",
    "DOUBLE": "double",
    "TRIPLE": "triple",
    "QUAD": "quadruple",
    "PENTA": "quintuple",
    "HOLD": "hold",
    "TOGGLE": "single",
    "INC_DEC": "hold",
    "INV": "release",
}
_STATES = {"ON": True, "OFF": False}
# Switch modes that follow the input (1, 2, 9, 10); in the others it is a button.
_FOLLOWING = frozenset({1, 2, 9, 10})


def add(setup: Setup) -> None:
    """Add what can be pressed, and what can be read of the switches."""
    if setup.option(_BUTTONS_TOLD):
        for index, there in enumerate(listed(setup.raw.get("btn"), _INPUTS)):
            if whole(there):
                _button(setup, f"Button{index + 1}", str(index + 1))
    names = setup.names("swn")
    for index, mode in enumerate(listed(setup.raw.get("swc"), _INPUTS)):
        kind = whole(mode)
        if kind is None or kind < 0:
            continue
        name = f"Switch{index + 1}"
        if kind in _FOLLOWING:
            _switch(setup, name, names[index] if index < len(names) else "")
        elif setup.option(_SWITCHES_TOLD):
            _button(setup, name, f"switch_{index + 1}")


def _button(setup: Setup, name: str, suffix: str) -> None:
    key = setup.parts.add("button", "", suffix, label=name)
    setup.parts.happening(key, f"{setup.stat}/RESULT", _pressed(name))


def _pressed(name: str) -> Take:
    def press(raw: object) -> ButtonPressed | object:
        kind = _ACTIONS.get(raw) if isinstance(raw, str) else None
        return ButtonPressed(kind) if kind else NOTHING

    return at(press, name, "Action")


def _switch(setup: Setup, name: str, label: str) -> None:
    key = setup.parts.add("switch", name, label=label or name)
    take = meaning(_STATES)
    setup.parts.reading(key, f"{setup.tele}/SENSOR", at(take, name))
    setup.parts.reading(key, f"{setup.stat}/STATUS10", at(take, "StatusSNS", name))
    setup.parts.reading(key, f"{setup.stat}/RESULT", at(take, name, "Action"))
