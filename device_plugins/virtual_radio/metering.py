"""What a plug measures (clusters 0x0B04 and 0x0702), kept in step with its switch and its load."""

from device_plugins.virtual_radio.behaviour import Actor
from device_plugins.virtual_radio.cluster import Endpoint

ON_OFF = 0x0006
METERING = 0x0702
ELECTRICAL = 0x0B04

# What one unit of each attribute is worth, and what the divisor attributes say: 0.1 W, 0.1 V, 1 mA, 1 Wh.
POWER_DIVISOR = 10
VOLTAGE_DIVISOR = 10
CURRENT_DIVISOR = 1000
ENERGY_DIVISOR = 1000

_LOAD = "load_w"
DEFAULT_LOAD_W = 0.0


def settle(actor: Actor, here: Endpoint, load_w: float | None = None) -> None:
    """Let the meters show the load (remembered when given, in W) if the plug is on, and nothing if it is off."""
    if ELECTRICAL not in here.clusters:
        return
    if load_w is not None:
        actor.memory[_LOAD] = load_w
    on = here.clusters[ON_OFF].named("on_off").value
    watts = float(actor.memory.get(_LOAD, DEFAULT_LOAD_W)) if on else 0.0
    volts = here.clusters[ELECTRICAL].named("rms_voltage").value / VOLTAGE_DIVISOR
    amperes = watts / volts if volts else 0.0
    actor.update(
        here,
        ELECTRICAL,
        active_power=round(watts * POWER_DIVISOR),
        rms_current=round(amperes * CURRENT_DIVISOR),
    )
    actor.update(here, METERING, instantaneous_demand=round(watts))
