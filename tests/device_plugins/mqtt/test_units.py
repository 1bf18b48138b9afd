"""What devices measure in comes out in the vocabulary's units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.mqtt.units import _LINES, _SPELT, converter, from_vocabulary, known_unit, spelling, to_vocabulary
from device_plugins.sdk import VOCABULARY, UnsupportedError


@pytest.mark.parametrize(
    ("name", "unit", "value", "expected"),
    [
        ("temperature", "°F", 212, 100),
        ("temperature", "°F", 72, 22.22),
        ("temperature", "K", 273.15, 0),
        ("temperature", "C", 21.5, 21.5),
        ("pressure", "hPa", 1013.25, 101325),
        ("pressure", "inHg", 29.92, 101320.75888),
        ("energy", "kWh", 12.482, 12482),
        ("energy", "MJ", 3.6, 1000),
        ("power", "kW", 1.2, 1200),
        ("voltage", "mV", 2961, 2.961),
        ("current", "mA", 35, 0.035),
        ("wind_speed", "km/h", 36, 10),
        ("wind_speed", "mph", 10, 4.4704),
        ("flow", "L/min", 12, 0.72),
        ("volume", "L", 1500, 1.5),
        ("volume", "gal", 100, 0.3785411784),
        ("voc", "ppm", 0.25, 250),
        ("co_concentration", "ppb", 900, 0.9),
        ("pm25", "ug/m3", 12, 12),
        ("illuminance", "lux", 300, 300),
        ("power_factor", "", 0.62, 62),
        ("power_factor", "%", 62, 62),
        ("battery", "", 50, 50),
        ("signal_strength", "dBm", -67, -67),
        ("link_quality", "lqi", 120, 120),
    ],
)
def test_a_value_in_its_unit(name: str, unit: str, value: float, expected: float) -> None:
    assert to_vocabulary(name, unit, value) == pytest.approx(expected, abs=1e-9)


def test_what_measures_something_else_is_refused() -> None:
    assert not known_unit("temperature", "%")
    assert converter("energy", "W") is None
    with pytest.raises(ValueError, match="temperature is not measured in 'lx'"):
        to_vocabulary("temperature", "lx", 1)
    with pytest.raises(ValueError, match="not measured"):
        from_vocabulary("power", "V", 1)
    with pytest.raises(UnsupportedError):
        converter("happiness", "%")


def test_one_spelling_a_unit() -> None:
    assert spelling("ug/m3") == spelling("μg/m³") == "µg/m³"
    assert spelling("W") == "W"
    assert spelling("furlong") == "furlong"
    assert {spelling(unit) for unit in _SPELT.values()} == set(_SPELT.values())


@given(st.sampled_from(sorted(VOCABULARY)), st.data(), st.floats(-1e6, 1e6))
def test_there_and_back(name: str, data: st.DataObject, value: float) -> None:
    units = ["", VOCABULARY[name].unit, *_LINES.get(VOCABULARY[name].unit, ())]
    unit = data.draw(st.sampled_from(units))
    there = to_vocabulary(name, unit, value)
    # Degrees Fahrenheit come with two digits.
    assert from_vocabulary(name, unit, there) == pytest.approx(value, rel=1e-6, abs=0.02)


@given(st.sampled_from(sorted(VOCABULARY)), st.text(max_size=8))
def test_any_unit_is_known_or_not(name: str, unit: str) -> None:
    assert known_unit(name, unit) == (converter(name, unit) is not None)
