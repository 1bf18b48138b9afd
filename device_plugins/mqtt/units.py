"""Units as devices write them, and how they become the vocabulary's; pure."""

import functools
from collections.abc import Callable

from device_plugins.sdk import capability

type Convert = Callable[[float], float]

_CELSIUS = {"°C": (1.0, 0.0), "°F": (5 / 9, -160 / 9), "K": (1.0, -273.15)}
_CUBIC = {"m³": 1.0, "L": 1e-3, "mL": 1e-6, "ft³": 0.028316846592, "CCF": 2.8316846592, "gal": 0.003785411784}
_GRAMS = {"µg/m³": 1.0, "mg/m³": 1000.0, "g/m³": 1e6, "ng/m³": 1e-3}
_SCALES: dict[str, dict[str, float]] = {
    "Pa": {
        "Pa": 1, "hPa": 100, "mbar": 100, "kPa": 1000, "bar": 1e5, "cbar": 1000, "mmHg": 133.322387415,
        "inHg": 3386.389, "psi": 6894.757293168, "MPa": 1e6, "mPa": 1e-3, "inH2O": 249.08891,
    },
    "lx": {"lx": 1, "klx": 1000},
    "ppm": {"ppm": 1, "ppb": 1e-3},
    "ppb": {"ppb": 1, "ppm": 1000},
    "µg/m³": _GRAMS,
    "m/s": {
        "m/s": 1, "km/h": 1 / 3.6, "mph": 0.44704, "kn": 0.514444444, "ft/s": 0.3048, "mm/s": 1e-3, "in/s": 0.0254,
    },
    "m³": _CUBIC,
    "m³/h": {
        "m³/h": 1, "m³/min": 60, "m³/s": 3600, "L/h": 1e-3, "L/min": 0.06, "L/s": 3.6, "mL/s": 3.6e-3,
        "ft³/min": 1.69901079552, "gal/min": 0.22712470704, "gal/h": 0.003785411784, "gal/d": 0.003785411784 / 24,
    },
    "m/s²": {"m/s²": 1, "g": 9.80665, "mg": 9.80665e-3},
    "V": {"V": 1, "mV": 1e-3, "µV": 1e-6, "kV": 1000},
    "A": {"A": 1, "mA": 1e-3},
    "W": {"W": 1, "kW": 1000, "MW": 1e6, "mW": 1e-3, "GW": 1e9, "TW": 1e12, "BTU/h": 0.29307107},
    "Wh": {
        "Wh": 1, "kWh": 1000, "MWh": 1e6, "GWh": 1e9, "mWh": 1e-3, "J": 1 / 3600, "kJ": 1 / 3.6, "MJ": 1000 / 3.6,
        "GJ": 1e6 / 3.6, "cal": 4.184 / 3600, "kcal": 4.184 / 3.6, "Mcal": 4184 / 3.6, "Gcal": 4184e3 / 3.6,
    },
    "Hz": {"Hz": 1, "kHz": 1000, "MHz": 1e6, "GHz": 1e9},
    "VA": {"VA": 1, "kVA": 1000, "mVA": 1e-3},
    "var": {"var": 1, "kvar": 1000, "mvar": 1e-3},
    "µS/cm": {"µS/cm": 1, "mS/cm": 1000, "S/cm": 1e6},
    "dBm": {"dBm": 1, "dB": 1},
    "dB/m": {"dB/m": 1},
    "pH": {"pH": 1},
    "K": {"K": 1},
    "s": {"s": 1, "ms": 1e-3, "min": 60, "h": 3600, "d": 86400},
    "°": {"°": 1},
}  # fmt: skip
_LINES: dict[str, dict[str, tuple[float, float]]] = {
    "°C": _CELSIUS,
    "%": {"%": (1.0, 0.0)},
    "": {"lqi": (1.0, 0.0)},
} | {unit: {name: (factor, 0.0) for name, factor in scale.items()} for unit, scale in _SCALES.items()}

# Other spellings that devices use, in lower case.
_SPELT = {
    "c": "°C", "ºc": "°C", "celsius": "°C", "degc": "°C", "f": "°F", "ºf": "°F", "fahrenheit": "°F", "kelvin": "K",
    "m3": "m³", "ft3": "ft³", "cf": "ft³", "l": "L", "liter": "L", "litre": "L", "ml": "mL", "gallons": "gal",
    "m3/h": "m³/h", "l/min": "L/min", "lpm": "L/min", "l/h": "L/h", "gpm": "gal/min", "cfm": "ft³/min",
    "ug/m3": "µg/m³", "ug/m³": "µg/m³", "μg/m³": "µg/m³", "μg/m3": "µg/m³", "µg/m3": "µg/m³", "mg/m3": "mg/m³",
    "lux": "lx", "m/s2": "m/s²", "kph": "km/h", "kmh": "km/h", "kt": "kn", "kwh": "kWh", "wh": "Wh", "watt": "W",
    "watts": "W", "volt": "V", "volts": "V", "amp": "A", "amps": "A", "percent": "%", "pct": "%", "%rh": "%",
    "us/cm": "µS/cm", "μs/cm": "µS/cm", "ms/cm": "mS/cm", "vah": "VAh", "rssi": "dBm", "dbm": "dBm",
    "sec": "s", "seconds": "s", "minutes": "min", "hours": "h", "days": "d", "deg": "°", "ph": "pH", "var": "var",
    "μv": "µV", "hpa": "hPa", "kpa": "kPa", "pa": "Pa", "kw": "kW", "ma": "mA", "hz": "Hz",
}  # fmt: skip
_USUAL = frozenset(_SPELT.values())
# Home Assistant's power factor has either a percent sign or no unit, and is then a part of one.
_BARE = {"power_factor": (100.0, 0.0)}
_DIGITS = 10
_DEGREE_DIGITS = 2
_SAME = (1.0, 0.0)


def spelling(unit: str) -> str:
    """The unit's usual spelling; one that is not known stays as it is."""
    return unit if unit in _USUAL else _SPELT.get(unit.lower(), unit)


@functools.lru_cache(maxsize=1024)
def converter(name: str, unit: str) -> Convert | None:
    """What makes the vocabulary's unit out of this one, for values of the capability `name`.

    An empty unit is taken for the vocabulary's; None for a unit that measures something else.

    Raises UnsupportedError for a capability that the vocabulary does not hold.
    """
    line = _line(name, unit)
    if line is None or line == _SAME:
        return None if line is None else _as_it_is
    factor, shift = line
    digits = _DIGITS if factor >= 1 or shift == 0 else _DEGREE_DIGITS

    def convert(value: float) -> float:
        # What the factor adds beyond these digits is noise, and would look like a change.
        return round(value * factor + shift, digits)

    return convert


def known_unit(name: str, unit: str) -> bool:
    """Whether values of the capability can be had from this unit."""
    return _line(name, unit) is not None


def to_vocabulary(name: str, unit: str, value: float) -> float:
    """The value in the vocabulary's unit.

    Raises ValueError for a unit that measures something else.
    """
    _needed(name, unit)
    convert = converter(name, unit)
    return value if convert is None else convert(value)


def from_vocabulary(name: str, unit: str, value: float) -> float:
    """The value in the device's unit: the other way round.

    Raises ValueError for a unit that measures something else.
    """
    factor, shift = _needed(name, unit)
    return value if (factor, shift) == _SAME else round((value - shift) / factor, _DIGITS)


def _as_it_is(value: float) -> float:
    return value


def _needed(name: str, unit: str) -> tuple[float, float]:
    line = _line(name, unit)
    if line is None:
        raise ValueError(f"{name} is not measured in {unit!r:.20}")
    return line


def _line(name: str, unit: str) -> tuple[float, float] | None:
    ours, theirs = capability(name).unit, spelling(unit)
    if not theirs:
        return _BARE.get(name, _SAME)
    return _SAME if theirs == ours else _LINES.get(ours, {}).get(theirs)
