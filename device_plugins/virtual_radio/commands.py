"""What devices do with the commands of their clusters, and after a write: the tables of all kinds of devices in one."""

from device_plugins.virtual_radio import closures, household, lighting, ota, scenes, security, sleep, tuya
from device_plugins.virtual_radio.behaviour import Handler, Written

OF_SERVERS: dict[tuple[int, int], Handler] = {
    **household.HANDLERS,
    **lighting.HANDLERS,
    **closures.HANDLERS,
    **security.HANDLERS,
    **scenes.HANDLERS,
    **sleep.HANDLERS,
    **tuya.HANDLERS,
}
OF_CLIENTS: dict[tuple[int, int], Handler] = {**ota.HANDLERS}
WRITTEN: dict[tuple[int, int], Written] = {**household.WRITTEN, **security.WRITTEN, **sleep.WRITTEN}
