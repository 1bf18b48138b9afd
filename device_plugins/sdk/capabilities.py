"""The vocabulary: what devices can do and tell, modelled on Matter's clusters, in SI and SI-accepted units.

Names, types and units are part of the public API. A device's feature narrows a capability (a smaller range, fewer
commands); it never widens it.
"""

from device_plugins.sdk.errors import UnsupportedError
from device_plugins.sdk.word import Capability, Command, flag, measure, setter
from device_plugins.sdk.words_acting import ACTUATORS, SWITCHES
from device_plugins.sdk.words_sensing import SENSORS


def capability(name: str) -> Capability:
    """The word of the vocabulary.

    Raises UnsupportedError for a name it does not hold.
    """
    try:
        return VOCABULARY[name]
    except KeyError:
        raise UnsupportedError(f"the vocabulary has no capability {name!r}") from None


_OTHERS = (
    Capability(
        "button", "A button; pressing it is the event `device.button`.", "event", access="event", matter="Switch"
    ),
    Capability("rotary", "A dial; turning it is the event `device.rotary`.", "event", access="event", matter="Switch"),
    Capability(
        "keypad", "A keypad of an alarm system; using it is the event `device.button`.", "event", access="event"
    ),
    Capability(
        "press",
        "Something the device does when asked, such as a self-test.",
        "event",
        access="write",
        commands=(Command("press", "Do it."),),
    ),
    Capability(
        "number",
        "A setting, or a reading, that is a number.",
        "number",
        access="read-write",
        commands=(setter("number"), Command("unset", "Leave it to the device.")),
    ),
    Capability(
        "enum",
        "A setting, or a reading, that is one of a few words.",
        "enum",
        access="read-write",
        commands=(setter("enum"),),
    ),
    Capability(
        "switch", "A setting, or a reading, that is on or off.", "bool", access="read-write", commands=(setter("bool"),)
    ),
    Capability(
        "text", "A setting, or a reading, that is a text.", "text", access="read-write", commands=(setter("text"),)
    ),
    flag("update", "New firmware is there for it.", "OtaSoftwareUpdateRequestor"),
    Capability("firmware", "Version of the firmware.", "text", matter="BasicInformation"),
    measure("link_quality", "Quality of the radio link (LQI).", "", (0, 255)),
    measure("signal_strength", "Strength of the radio signal (RSSI).", "dBm", (None, 30)),
)

VOCABULARY: dict[str, Capability] = {one.name: one for one in (*SWITCHES, *SENSORS, *ACTUATORS, *_OTHERS)}
