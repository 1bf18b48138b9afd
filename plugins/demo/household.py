"""The cast and the script of the demo home."""

from typing import NamedTuple


class Role(NamedTuple):
    """One virtual device of the home: its name, its room, and what plays it.

    That is a model of the virtual radio or of the virtual MQTT devices, or the number of a node in the virtual Z-Wave
    network.
    """

    name: str
    area: str
    model: str
    protocol: str = "zigbee"


class Act(NamedTuple):
    """One thing that happens to one device; `expect` names the device whose command is waited for and timed."""

    role: str
    stimulus: str
    value: bool | float | str | None = None
    expect: str = ""


class Scene(NamedTuple):
    """What is told, what happens, and how many seconds pass before the next scene."""

    text: str
    acts: tuple[Act, ...]
    pause: float


CAST = (
    Role("Hall motion", "Hall", "motion"),
    Role("Hall lamp", "Hall", "lamp-white"),
    Role("Front door", "Hall", "contact"),
    Role("Door lock", "Hall", "lock"),
    Role("Living lamp", "Living room", "lamp-color"),
    Role("Living button", "Living room", "button"),
    Role("Living climate", "Living room", "climate"),
    Role("Bedroom blind", "Bedroom", "blind"),
    Role("Washing machine", "Bathroom", "plug"),
    Role("Bathroom leak", "Bathroom", "leak"),
)

GUESTS = (
    Role("Garden climate", "Garden", "esphome-climate", "mqtt"),
    Role("Fairy lights", "Garden", "tasmota-plug", "mqtt"),
    Role("Greenhouse heater", "Garden", "2", "zwave"),
    Role("Cellar climate", "Cellar", "3", "zwave"),
    Role("Cellar door", "Cellar", "4", "zwave"),
    Role("Staircase lamp", "Hall", "5", "zwave"),
)

SCRIPT = (
    Scene(
        "Ada comes home",
        (Act("Front door", "contact", "open"), Act("Hall motion", "motion", value=True, expect="Hall lamp")),
        1.5,
    ),
    Scene("and shuts the door behind her", (Act("Front door", "contact", "closed"),), 1.0),
    Scene("She presses the button in the living room", (Act("Living button", "press", "on", "Living lamp"),), 1.5),
    Scene("The hall is empty again", (Act("Hall motion", "motion", value=False),), 2.5),
    Scene("The sun comes round: it gets warm", (Act("Living climate", "temperature", 26.4, "Bedroom blind"),), 1.5),
    Scene(
        "She starts the washing machine",
        (Act("Washing machine", "on_off", value=True), Act("Washing machine", "power", 1850.0)),
        1.0,
    ),
    Scene("Ben walks through the hall", (Act("Hall motion", "motion", value=True, expect="Hall lamp"),), 1.5),
    Scene("and up the stairs", (Act("Hall motion", "motion", value=False),), 2.0),
    Scene("It cools down in the evening", (Act("Living climate", "temperature", 21.0, "Bedroom blind"),), 1.5),
    Scene("Frost in the garden", (Act("Garden climate", "temperature", 1.5),), 2.0),
    Scene("The washing machine is done", (Act("Washing machine", "power", 2.0),), 2.0),
    Scene("A drop of water below the washing machine", (Act("Bathroom leak", "leak", value=True),), 1.5),
    Scene("wiped up", (Act("Bathroom leak", "leak", value=False),), 1.0),
    Scene("The garden thaws", (Act("Garden climate", "temperature", 8.0),), 1.0),
    Scene("Good night", (Act("Living button", "press", "off", "Living lamp"),), 3.0),
)
