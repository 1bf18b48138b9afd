"""The clusters that the catalogue's models are made of, with their attributes as a device leaves the factory."""

from device_plugins.virtual_radio import closures, household, lighting, metering, ota, scenes, security, sleep, tuya
from device_plugins.virtual_radio import zcltypes as z
from device_plugins.virtual_radio.cluster import Attribute, Cluster

MANUFACTURER = "Domovoi"
MANUFACTURER_CODE = 0x1234

POWER_CONFIG = 0x0001
OTA = ota.OTA
ILLUMINANCE = 0x0400
TEMPERATURE = 0x0402
PRESSURE = 0x0403
HUMIDITY = 0x0405
OCCUPANCY = 0x0406

MAINS, BATTERY = 0x01, 0x03


def _cluster(
    number: int, *attributes: Attribute, received: tuple[int, ...] = (), generated: tuple[int, ...] = ()
) -> Cluster:
    return Cluster(number, {item.number: item for item in attributes}, received, generated)


def _fact(number: int, name: str, kind: int, value: object) -> Attribute:
    return Attribute(number, name, kind, value)


def _reading(number: int, name: str, kind: int, value: object) -> Attribute:
    return Attribute(number, name, kind, value, reportable=True)


def _setting(
    number: int, name: str, kind: int, value: object, low: int | None = None, high: int | None = None
) -> Attribute:
    return Attribute(number, name, kind, value, writable=True, low=low, high=high)


def basic(model: str, *, battery: bool, manufacturer: str = MANUFACTURER) -> Cluster:
    """Return 0x0000."""
    return _cluster(
        household.BASIC,
        _fact(0x0000, "zcl_version", z.U8, 8),
        _fact(0x0001, "app_version", z.U8, 1),
        _fact(0x0002, "stack_version", z.U8, 2),
        _fact(0x0003, "hw_version", z.U8, 1),
        _fact(0x0004, "manufacturer", z.TEXT, manufacturer),
        _fact(0x0005, "model", z.TEXT, model),
        _fact(0x0006, "date_code", z.TEXT, "20250101"),
        _fact(0x0007, "power_source", z.ENUM8, BATTERY if battery else MAINS),
        _setting(0x0010, "location_desc", z.TEXT, ""),
        _fact(0x4000, "sw_build_id", z.TEXT, "1.0.0"),
        received=(0x00,),
    )


def identify() -> Cluster:
    """Return 0x0003."""
    return _cluster(
        household.IDENTIFY,
        _setting(0x0000, "identify_time", z.U16, 0),
        received=(0x00, 0x01, 0x40),
        generated=(0x00,),
    )


def groups() -> Cluster:
    """Return 0x0004."""
    received = (0x00, 0x01, 0x02, 0x03, 0x04, 0x05)
    return _cluster(household.GROUPS, _fact(0x0000, "name_support", z.B8, 0), received=received, generated=received[:4])


def scenes_cluster() -> Cluster:
    """Return 0x0005."""
    return _cluster(
        scenes.SCENES_CLUSTER,
        _fact(0x0000, "scene_count", z.U8, 0),
        _fact(0x0001, "current_scene", z.U8, 0),
        _fact(0x0002, "current_group", z.U16, 0),
        _fact(0x0003, "scene_valid", z.BOOL, value=False),
        _fact(0x0004, "name_support", z.B8, 0),
        received=tuple(range(7)),
        generated=(0x00, 0x01, 0x02, 0x03, 0x04, 0x06),
    )


def client(number: int) -> Cluster:
    """Return the client side of a cluster; that of the firmware update (0x0019) tells how an update stands."""
    return firmware_client() if number == OTA else _cluster(number)


def firmware_client() -> Cluster:
    """Return the client side of 0x0019; between two blocks it rests 50 ms."""
    return _cluster(
        OTA,
        _fact(0x0001, "file_offset", z.U32, 0xFFFFFFFF),
        _fact(0x0002, "current_file_version", z.U32, 0x01000000),
        _fact(0x0004, "downloaded_file_version", z.U32, 0xFFFFFFFF),
        _fact(0x0006, "image_upgrade_status", z.ENUM8, 0),
        _fact(0x0007, "firmware_manufacturer", z.U16, ota.MANUFACTURER),
        _fact(0x0008, "image_type", z.U16, ota.IMAGE_TYPE),
        _setting(0x0009, "minimum_block_period", z.U16, 50),
    )


def poll_control() -> Cluster:
    """Return 0x0020 of a device that polls every 5 seconds and checks in every hour; the cluster counts in 0.25 s."""
    return _cluster(
        sleep.POLL_CONTROL,
        _setting(0x0000, "check_in_interval", z.U32, 3600 * sleep.QUARTERS, 0, 0x6E0000),
        _fact(0x0001, "long_poll_interval", z.U32, 5 * sleep.QUARTERS),
        _fact(0x0002, "short_poll_interval", z.U16, 2),
        _setting(0x0003, "fast_poll_timeout", z.U16, 10 * sleep.QUARTERS, 1, 0xFFFF),
        received=(0x00, 0x01, 0x02, 0x03),
        generated=(0x00,),
    )


def tuya_mcu() -> Cluster:
    """Return 0xEF00, which has no attributes."""
    return _cluster(tuya.MCU, received=(0x00, 0x03, 0x04, 0x10, 0x24), generated=(0x01, 0x02, 0x06, 0x11, 0x24))


def power_config() -> Cluster:
    """Return 0x0001 of a device with one coin cell."""
    return _cluster(
        POWER_CONFIG,
        _reading(0x0020, "battery_voltage", z.U8, 30),
        _reading(0x0021, "battery_percentage_remaining", z.U8, 200),
        _fact(0x0031, "battery_size", z.ENUM8, 0x0A),
        _fact(0x0033, "battery_quantity", z.U8, 1),
        _fact(0x0034, "battery_rated_voltage", z.U8, 30),
    )


def on_off() -> Cluster:
    """Return 0x0006."""
    return _cluster(
        lighting.ON_OFF,
        _reading(0x0000, "on_off", z.BOOL, value=False),
        _fact(0x4000, "global_scene_control", z.BOOL, value=True),
        _setting(0x4001, "on_time", z.U16, 0),
        _setting(0x4002, "off_wait_time", z.U16, 0),
        _setting(0x4003, "start_up_on_off", z.ENUM8, 0xFF),
        received=(0x00, 0x01, 0x02, 0x40, 0x41, 0x42),
    )


def level() -> Cluster:
    """Return 0x0008."""
    return _cluster(
        lighting.LEVEL,
        _reading(0x0000, "current_level", z.U8, lighting.MAX_LEVEL),
        _fact(0x0001, "remaining_time", z.U16, 0),
        _fact(0x0002, "min_level", z.U8, lighting.MIN_LEVEL),
        _fact(0x0003, "max_level", z.U8, lighting.MAX_LEVEL),
        _setting(0x000F, "options", z.B8, 0),
        _setting(0x0010, "on_off_transition_time", z.U16, 0),
        _setting(0x0011, "on_level", z.U8, 0xFF),
        _setting(0x4000, "start_up_current_level", z.U8, 0xFF),
        received=tuple(range(8)),
    )


def color() -> Cluster:
    """Return 0x0300 with hue and saturation, enhanced hue, xy and colour temperature of 2000 to 6500 K."""
    return _cluster(
        lighting.COLOR,
        _reading(0x0000, "current_hue", z.U8, 0),
        _reading(0x0001, "current_saturation", z.U8, 0),
        _fact(0x0002, "remaining_time", z.U16, 0),
        _reading(0x0003, "current_x", z.U16, 0x616B),
        _reading(0x0004, "current_y", z.U16, 0x607D),
        _reading(0x0007, "color_temperature", z.U16, 370),
        _fact(0x0008, "color_mode", z.ENUM8, 2),
        _setting(0x000F, "options", z.B8, 0),
        _fact(0x0010, "num_primaries", z.U8, 0),
        _reading(0x4000, "enhanced_current_hue", z.U16, 0),
        _fact(0x4001, "enhanced_color_mode", z.ENUM8, 2),
        _fact(0x4002, "color_loop_active", z.U8, 0),
        _fact(0x400A, "color_capabilities", z.B16, 0x001B),
        _fact(0x400B, "color_temp_physical_min", z.U16, 153),
        _fact(0x400C, "color_temp_physical_max", z.U16, 500),
        _setting(0x4010, "start_up_color_temperature", z.U16, 0xFFFF),
        received=(0x00, 0x02, 0x03, 0x05, 0x06, 0x07, 0x0A, 0x40, 0x43, 0x47, 0x4C),
    )


def energy_metering() -> Cluster:
    """Return 0x0702 that counts in kWh / 1000."""
    return _cluster(
        metering.METERING,
        _reading(0x0000, "current_summ_delivered", z.U48, 0),
        _fact(0x0200, "status", z.B8, 0),
        _fact(0x0300, "unit_of_measure", z.ENUM8, 0),
        _fact(0x0301, "multiplier", z.U24, 1),
        _fact(0x0302, "divisor", z.U24, metering.ENERGY_DIVISOR),
        _fact(0x0303, "summation_formatting", z.B8, 0xFB),
        _fact(0x0304, "demand_formatting", z.B8, 0xFB),
        _fact(0x0306, "metering_device_type", z.B8, 0),
        _reading(0x0400, "instantaneous_demand", z.S24, 0),
    )


def electrical_measurement() -> Cluster:
    """Return 0x0B04 that counts in 0.1 W, 0.1 V and 1 mA."""
    return _cluster(
        metering.ELECTRICAL,
        _fact(0x0000, "measurement_type", z.B32, 0x00000008),
        _reading(0x0505, "rms_voltage", z.U16, 230 * metering.VOLTAGE_DIVISOR),
        _reading(0x0508, "rms_current", z.U16, 0),
        _reading(0x050B, "active_power", z.S16, 0),
        _fact(0x0600, "ac_voltage_multiplier", z.U16, 1),
        _fact(0x0601, "ac_voltage_divisor", z.U16, metering.VOLTAGE_DIVISOR),
        _fact(0x0602, "ac_current_multiplier", z.U16, 1),
        _fact(0x0603, "ac_current_divisor", z.U16, metering.CURRENT_DIVISOR),
        _fact(0x0604, "ac_power_multiplier", z.U16, 1),
        _fact(0x0605, "ac_power_divisor", z.U16, metering.POWER_DIVISOR),
    )


def measurement(number: int, value: int, low: int, high: int) -> Cluster:
    """Return a cluster whose first attributes are what is measured, the least and the most it can measure."""
    kind = z.S16 if number in {TEMPERATURE, PRESSURE} else z.U16
    return _cluster(
        number,
        _reading(0x0000, "measured_value", kind, value),
        _fact(0x0001, "min_measured_value", kind, low),
        _fact(0x0002, "max_measured_value", kind, high),
    )


def occupancy() -> Cluster:
    """Return 0x0406 of a passive infrared sensor."""
    return _cluster(
        OCCUPANCY,
        _reading(0x0000, "occupancy", z.B8, 0),
        _fact(0x0001, "occupancy_sensor_type", z.ENUM8, 0),
        _fact(0x0002, "occupancy_sensor_type_bitmap", z.B8, 1),
        _setting(0x0010, "pir_o_to_u_delay", z.U16, 0),
    )


def zone(kind: int) -> Cluster:
    """Return 0x0500 of a zone type (0x000D motion, 0x0015 contact, 0x0028 fire, 0x002A water, 0x0225 siren)."""
    return _cluster(
        security.ZONE,
        _fact(0x0000, "zone_state", z.ENUM8, 0),
        _fact(0x0001, "zone_type", z.ENUM16, kind),
        _reading(0x0002, "zone_status", z.B16, 0),
        _setting(0x0010, "cie_address", z.EUI64, security.NO_ADDRESS),
        _fact(0x0011, "zone_id", z.U8, 0xFF),
        received=(0x00,),
        generated=(0x00, 0x01),
    )


def warning_device() -> Cluster:
    """Return 0x0502."""
    return _cluster(
        security.WARNING,
        _setting(0x0000, "max_duration", z.U16, 240, 1, 0xFFFE),
        received=(0x00, 0x01),
    )


def covering() -> Cluster:
    """Return 0x0102 of a roller blind."""
    return _cluster(
        closures.COVERING,
        _fact(0x0000, "covering_type", z.ENUM8, 0),
        _fact(0x0007, "config_status", z.B8, 0x0B),
        _reading(0x0008, "lift", z.U8, closures.OPEN),
        _fact(0x0010, "installed_open_limit_lift", z.U16, 0),
        _fact(0x0011, "installed_closed_limit_lift", z.U16, 0xFFFF),
        _setting(0x0017, "mode", z.B8, 0),
        received=(0x00, 0x01, 0x02, 0x05),
    )


def lock() -> Cluster:
    """Return 0x0101 of a dead bolt."""
    return _cluster(
        closures.LOCK,
        _reading(0x0000, "lock_state", z.ENUM8, closures.LOCKED),
        _fact(0x0001, "lock_type", z.ENUM8, 0),
        _fact(0x0002, "actuator_enabled", z.BOOL, value=True),
        received=(0x00, 0x01, 0x02),
        generated=(0x00, 0x01, 0x02),
    )


def thermostat() -> Cluster:
    """Return 0x0201 of a radiator valve that heats only, 5 to 30 °C."""
    return _cluster(
        household.THERMOSTAT,
        _reading(0x0000, "local_temperature", z.S16, 2000),
        _fact(0x0003, "abs_min_heat_setpoint_limit", z.S16, 500),
        _fact(0x0004, "abs_max_heat_setpoint_limit", z.S16, 3000),
        _reading(0x0008, "pi_heating_demand", z.U8, 0),
        Attribute(0x0012, "occupied_heating_setpoint", z.S16, 2000, writable=True, reportable=True, low=500, high=3000),
        _setting(0x0015, "min_heat_setpoint_limit", z.S16, 500, 500, 3000),
        _setting(0x0016, "max_heat_setpoint_limit", z.S16, 3000, 500, 3000),
        _setting(0x001B, "ctrl_sequence_of_oper", z.ENUM8, 2, 2, 3),
        Attribute(
            0x001C,
            "system_mode",
            z.ENUM8,
            household.SYSTEM_HEAT,
            writable=True,
            reportable=True,
            choices=(household.SYSTEM_OFF, household.SYSTEM_HEAT),
        ),
        _reading(0x0029, "running_state", z.B16, 0),
        received=(0x00,),
    )
