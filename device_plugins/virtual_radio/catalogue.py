"""The models one can put on the shelf, each a row of this table. Manufacturer "Domovoi", model "V-…"."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from device_plugins.virtual_radio import lighting, parts, stimuli
from device_plugins.virtual_radio.cluster import Cluster, Endpoint
from device_plugins.virtual_radio.errors import RadioError
from device_plugins.virtual_radio.stimuli import Stimulus

# Device types of the Home Automation profile.
_ON_OFF_LIGHT_DIMMABLE, _COLOR_LIGHT, _SMART_PLUG, _DIMMER_SWITCH = 0x0101, 0x010D, 0x0051, 0x0104
_OCCUPANCY_SENSOR, _TEMPERATURE_SENSOR, _ZONE, _WARNING_DEVICE = 0x0107, 0x0302, 0x0402, 0x0403
_WINDOW_COVERING, _DOOR_LOCK, _THERMOSTAT = 0x0202, 0x000A, 0x0301

_BATTERY: Mapping[str, Stimulus] = {"battery": stimuli.BATTERY}
_ZONE_ON_BATTERY: Mapping[str, Stimulus] = {**_BATTERY, "tamper": stimuli.TAMPER}


@dataclass(frozen=True, slots=True)
class Model:
    """One model: its short key, its name in the basic cluster, and what it is made of (always endpoint 1)."""

    key: str
    name: str
    device_type: int
    clusters: Callable[[], tuple[Cluster, ...]]
    stimuli: Mapping[str, Stimulus]
    battery: bool = False
    clients: tuple[int, ...] = (parts.OTA,)
    manufacturer: str = parts.MANUFACTURER
    install_code: bool = False
    poll_s: float = 0.0
    touchlink: bool = False

    def endpoints(self) -> dict[int, Endpoint]:
        """Return fresh endpoints, as from the factory."""
        common = (parts.basic(self.name, battery=self.battery, manufacturer=self.manufacturer), parts.identify())
        power = (parts.power_config(),) if self.battery else (parts.groups(), parts.scenes_cluster())
        clusters = {item.number: item for item in (*common, *power, *self.clusters())}
        clients = {number: parts.client(number) for number in self.clients}
        return {1: Endpoint(1, self.device_type, clusters, clients)}


_MODELS = (
    Model("lamp-white", "V-Lamp White", _ON_OFF_LIGHT_DIMMABLE, lambda: (parts.on_off(), parts.level()),
          {"on_off": stimuli.ON_OFF, "level": stimuli.LEVEL}, touchlink=True),
    Model("lamp-color", "V-Lamp Color", _COLOR_LIGHT, lambda: (parts.on_off(), parts.level(), parts.color()),
          {"on_off": stimuli.ON_OFF, "level": stimuli.LEVEL}, touchlink=True),
    Model("plug", "V-Plug", _SMART_PLUG,
          lambda: (parts.on_off(), parts.energy_metering(), parts.electrical_measurement()),
          {"on_off": stimuli.ON_OFF, "power": stimuli.POWER, "voltage": stimuli.VOLTAGE, "energy": stimuli.ENERGY}),
    Model("motion", "V-Motion", _OCCUPANCY_SENSOR,
          lambda: (
              parts.occupancy(),
              parts.measurement(parts.ILLUMINANCE, 20001, 1, 50001),
              parts.measurement(parts.TEMPERATURE, 2000, -1000, 5000),
          ),
          {"motion": stimuli.MOTION, "illuminance": stimuli.ILLUMINANCE, "temperature": stimuli.TEMPERATURE,
           **_BATTERY},
          battery=True),
    Model("motion-ias", "V-Motion IAS", _ZONE, lambda: (parts.zone(0x000D),),
          {"motion": stimuli.ZONE_MOTION, **_ZONE_ON_BATTERY}, battery=True),
    Model("contact", "V-Contact", _ZONE, lambda: (parts.zone(0x0015),),
          {"contact": stimuli.CONTACT, **_ZONE_ON_BATTERY}, battery=True),
    Model("climate", "V-Climate", _TEMPERATURE_SENSOR,
          lambda: (
              parts.measurement(parts.TEMPERATURE, 2000, -4000, 12500),
              parts.measurement(parts.HUMIDITY, 5000, 0, 10000),
              parts.measurement(parts.PRESSURE, 1013, 300, 1100),
          ),
          {"temperature": stimuli.TEMPERATURE, "humidity": stimuli.HUMIDITY, "pressure": stimuli.PRESSURE, **_BATTERY},
          battery=True),
    Model("button", "V-Button", _DIMMER_SWITCH, lambda: (), {"press": stimuli.PRESS, **_BATTERY}, battery=True,
          clients=(lighting.ON_OFF, lighting.LEVEL, parts.OTA)),
    Model("leak", "V-Leak", _ZONE, lambda: (parts.zone(0x002A),),
          {"leak": stimuli.LEAK, **_ZONE_ON_BATTERY}, battery=True),
    Model("smoke", "V-Smoke", _ZONE, lambda: (parts.zone(0x0028),),
          {"smoke": stimuli.SMOKE, **_ZONE_ON_BATTERY}, battery=True),
    Model("blind", "V-Blind", _WINDOW_COVERING, lambda: (parts.covering(),), {"position": stimuli.POSITION}),
    Model("lock", "V-Lock", _DOOR_LOCK, lambda: (parts.lock(),), {"lock": stimuli.KEY, **_BATTERY}, battery=True),
    Model("thermostat", "V-Thermostat", _THERMOSTAT, lambda: (parts.thermostat(),),
          {"temperature": stimuli.ROOM_TEMPERATURE, "setpoint": stimuli.SETPOINT, **_BATTERY}, battery=True),
    Model("climate-sleepy", "V-Climate Sleepy", _TEMPERATURE_SENSOR,
          lambda: (
              parts.poll_control(),
              parts.measurement(parts.TEMPERATURE, 2000, -4000, 12500),
              parts.measurement(parts.HUMIDITY, 5000, 0, 10000),
          ),
          {"temperature": stimuli.TEMPERATURE, "humidity": stimuli.HUMIDITY, "check_in": stimuli.CHECK_IN, **_BATTERY},
          battery=True, poll_s=5.0),
    Model("plug-secure", "V-Plug Secure", _SMART_PLUG, lambda: (parts.on_off(),), {"on_off": stimuli.ON_OFF},
          install_code=True),
    Model("tuya-climate", "TS0601", _SMART_PLUG, lambda: (parts.tuya_mcu(),),
          {"temperature": stimuli.TUYA_TEMPERATURE, "humidity": stimuli.TUYA_HUMIDITY,
           "battery": stimuli.TUYA_BATTERY, "ask_time": stimuli.TUYA_TIME},
          manufacturer="_TZE200_bjawzodf"),
    Model("tuya-dimmer", "TS0601", _SMART_PLUG, lambda: (parts.tuya_mcu(),),
          {"on_off": stimuli.TUYA_SWITCH, "level": stimuli.TUYA_LEVEL}, manufacturer="_TZE200_dfxkcots"),
    Model("siren", "V-Siren", _WARNING_DEVICE, lambda: (parts.zone(0x0225), parts.warning_device()),
          {"tamper": stimuli.TAMPER}),
)  # fmt: skip

MODELS: Mapping[str, Model] = {
    model.key: replace(model, stimuli={**model.stimuli, "check_update": stimuli.CHECK_UPDATE}) for model in _MODELS
}


def model(key: str) -> Model:
    """Return a model by its key; RadioError tells the known ones."""
    try:
        return MODELS[key]
    except KeyError:
        raise RadioError(f"There is no model {key!r}: choose from {', '.join(MODELS)}.") from None
