"""What single components read and publish, where the recorded devices do not go."""

from typing import Any

import pytest

from device_plugins.mqtt.convention import Terms
from device_plugins.mqtt.conventions.homeassistant.discovery import HomeAssistant
from device_plugins.mqtt.conventions.homeassistant.templates import command_template, value_template
from device_plugins.mqtt.description import Described
from device_plugins.sdk import InvalidValueError
from tests.device_plugins.mqtt import homeassistant_recordings as r


def made(component: str, **options: object) -> Described:
    (described,) = r.heard(HomeAssistant(Terms()), f"homeassistant/{component}/it/config", r.raw(options)).described
    return described


def said(described: Described, topic: str, payload: object) -> dict[str, Any]:
    return r.values_after(described, [{"topic": topic, "payload": payload}])


def told(described: Described, key: str, command: str = "set", **arguments: object) -> list[tuple[str, str]]:
    known = arguments.pop("given", {})
    asked = {"key": key, "command": command, "arguments": arguments, "given": known}
    return [(one["topic"], one["payload"]) for one in r.published(described, asked, {})]


def light(**options: object) -> Described:
    return made("light", cmd_t="l/set", stat_t="l", **options)


def test_a_light_switches_itself_on_with_what_is_changed() -> None:
    last = light(bri_cmd_t="l/bri")
    assert told(last, "level", value=100) == [("l/bri", "255"), ("l/set", "ON")]
    assert told(last, "level", value=0) == [("l/set", "OFF")]
    assert told(last, "level", "step", by=-60, given={"level": 50.0, "on_off": True}) == [("l/set", "OFF")]
    assert told(last, "level", "step", by=30, given={"level": 50.0, "on_off": False})[0] == ("l/bri", "76")
    first = light(bri_cmd_t="l/bri", on_cmd_type="first", bri_scl=100)
    assert told(first, "level", value=40) == [("l/set", "ON"), ("l/bri", "40")]


def test_a_light_of_hue_and_saturation() -> None:
    lamp = light(hs_cmd_t="l/hs", hs_stat_t="l/hs/is", clrm_stat_t="l/mode")
    assert said(lamp, "l/hs/is", "120,45.5") == {"color_hue": 120, "color_saturation": 45.5}
    assert said(lamp, "l/hs/is", "") == {}
    assert said(lamp, "l/mode", "hs") == {"color_mode": "hs"}
    assert told(lamp, "color_hue", value=200, given={"color_saturation": 30})[0] == ("l/hs", "200,30")
    with pytest.raises(ValueError, match="too few parts"):
        said(lamp, "l/hs/is", "120")


def test_a_light_by_coordinates_and_with_white() -> None:
    lamp = light(
        xy_cmd_t="l/xy", xy_stat_t="l/xy/is", clr_temp_cmd_t="l/ct", clr_temp_stat_t="l/ct/is", clr_temp_k=True
    )
    assert said(lamp, "l/xy/is", "0.3,0.4") == {"color_xy": [0.3, 0.4]}
    assert said(lamp, "l/ct/is", "2700") == {"color_temperature": 2700}
    assert said(lamp, "l/ct/is", "None") == {}
    assert told(lamp, "color_xy", value=[0.3, 0.4])[0] == ("l/xy", "0.3,0.4")
    assert told(lamp, "color_temperature", value=3000)[0] == ("l/ct", "3000")
    feature = lamp.device.feature("color_temperature")
    assert feature is not None
    assert (feature.minimum, feature.maximum) == (2000, 6535)


def test_a_light_whose_brightness_is_in_its_colour() -> None:
    lamp = light(rgbw_cmd_t="l/rgbw", rgbw_stat_t="l/rgbw/is")
    assert said(lamp, "l/rgbw/is", "0,0,255,10") == {"color_hue": 240, "color_saturation": 100}
    assert said(lamp, "l/rgbw/is", "None") == {}
    assert told(lamp, "color_hue", value=240)[0] == ("l/rgbw", "0,0,255,0")
    with pytest.raises(ValueError, match="outside 0 to 255"):
        said(lamp, "l/rgbw/is", "0,0,256,0")


def test_a_json_light_of_other_modes() -> None:
    lamp = light(schema="json", sup_clrm=["hs", "color_temp"], clr_temp_k=True, trns=False)
    state = {"state": "ON", "color": {"h": 10, "s": 20}, "color_temp": None, "color_mode": "hs"}
    assert said(lamp, "l", state) == {"on_off": True, "color_hue": 10, "color_saturation": 20, "color_mode": "hs"}
    assert told(lamp, "color_hue", value=30, transition=5) == [("l/set", '{"state":"ON","color":{"h":30,"s":100.0}}')]
    white = light(schema="json", sup_clrm=["rgbww"])
    assert told(white, "color_hue", value=0) == [("l/set", '{"state":"ON","color":{"r":255,"g":0,"b":0,"c":0,"w":0}}')]
    for nonsense in ([1], {"state": "ON", "color": "red"}):
        with pytest.raises(TypeError):
            said(lamp, "l", nonsense)


def test_a_template_light_with_white_and_effects() -> None:
    lamp = light(
        schema="template",
        cmd_on_tpl="{{ state }} {{ color_temp | d('-') }} {{ effect | d('-') }} {{ transition | d(0) }}",
        cmd_off_tpl="off {{ transition | default(0) }}",
        stat_tpl="{{ value.split(' ')[0] }}",
        clr_temp_tpl="{{ value.split(' ')[1] }}",
        fx_tpl="{{ value.split(' ')[2] }}",
        fx_list=["slow", "fast"],
    )
    assert said(lamp, "l", "on 250 fast") == {"on_off": True, "color_temperature": 4000, "effect": "fast"}
    assert told(lamp, "color_temperature", value=4000, transition=2) == [("l/set", "on 250 - 2")]
    assert told(lamp, "effect", value="slow") == [("l/set", "on - slow 0")]
    with pytest.raises(ValueError, match="no mireds"):
        said(lamp, "l", "on 0 fast")


def test_a_cover_that_only_says_open_or_closed() -> None:
    door = made("cover", cmd_t="c/set", stat_t="c", payload_stop=None)
    assert said(door, "c", "open") == {"cover_position": 100}
    assert said(door, "c", "closed") == {"cover_position": 0}
    assert said(door, "c", "opening") == {}
    feature = door.device.feature("cover_position")
    assert feature is not None
    assert feature.commands == ("open", "close")
    # It says nothing until it has arrived, so nothing confirms the command.
    assert {action.confirmed_by for action in door.actions} == {""}


def test_a_valve_with_a_position_on_its_way() -> None:
    valve = made("valve", cmd_t="v/set", stat_t="v", pos=True, payload_stop="HALT")
    assert said(valve, "v", {"state": "opening", "position": 30}) == {"on_off": True, "level": 30}
    assert said(valve, "v", "closing") == {}
    assert told(valve, "level", "stop") == [("v/set", "HALT")]


def test_sensors_of_words() -> None:
    words = made("sensor", stat_t="s", dev_cla="enum", ops=["a", "b"])
    assert said(words, "s", "a") == {"it": "a"}
    assert said(words, "s", "c") == {}
    assert said(words, "s", "unknown") == {"it": None}
    assert said(made("sensor", stat_t="s", dev_cla="enum"), "s", "any") == {"it": "any"}
    assert said(made("sensor", stat_t="s", stat_cla="measurement"), "s", "None") == {"it": None}
    with pytest.raises(ValueError, match="could not convert"):
        said(made("sensor", stat_t="s", stat_cla="measurement"), "s", "much")


def test_a_bolt_and_a_motion_that_fades() -> None:
    bolt = made("binary_sensor", stat_t="b", dev_cla="lock")
    assert said(bolt, "b", "ON") == {"lock": "unlocked"}
    motion = made("binary_sensor", stat_t="b", dev_cla="motion", off_dly=30)
    assert motion.readings[0].fades == 30


def test_what_needs_a_code_is_not_offered() -> None:
    panel = made("alarm_control_panel", stat_t="a", cmd_t="a/set", code="1234", cod_arm_req=False)
    commands = {feature.key for feature in panel.device.features if feature.commands}
    assert "arm_home" in commands
    assert not {"disarm", "trigger"} & commands


def test_an_update_of_plain_text() -> None:
    update = made("update", stat_t="u")
    assert said(update, "u", "2.1") == {"firmware": "2.1"}
    assert said(update, "u", {"installed_version": "1", "latest_version": None}) == {"firmware": "1", "update": None}
    with pytest.raises(ValueError, match="no JSON"):
        said(update, "u", "{")


def test_a_command_template_that_does_not_take_what_is_asked() -> None:
    number = made("number", cmd_t="n/set", cmd_tpl="{{ 1 / value }}", min=0, max=5)
    assert told(number, "it", value=4) == [("n/set", "0.25")]
    with pytest.raises(InvalidValueError, match="does not take this"):
        told(number, "it", value=0)


@pytest.mark.parametrize(
    ("template", "value", "expected"),
    [
        ("{{ value | bool }}", "on", "True"),
        ("{{ value | bool }}", 0, "False"),
        ("{{ value | bool('?') }}", "maybe", "?"),
        ("{{ value | abs }}", -3, "3"),
        ("{{ value | add(2) }}", "3", "5.0"),
        ("{{ value | multiply(2) }}", 3, "6"),
        ("{{ value | sqrt }}", 16, "4.0"),
        ("{{ value | sqrt(0) }}", -1, "0"),
        ("{{ value | last }}", "abc", "c"),
        ("{{ value | is_number }}", "1e5", "True"),
        ("{{ value | is_number }}", "x", "False"),
        ("{{ value | replace('a', 'b') | upper }}", "aa", "BB"),
        ("{{ value | trim('x') | title }}", "xone twox", "One Two"),
        ("{{ value | contains('b') }}", "abc", "True"),
        ("{{ (value | from_json).a }}", '{"a": 5}', "5"),
        ("{{ value | round(1, 'half') }}", "7.3", "7.5"),
        ("{{ value | int(9, 16) }}", "zz", "9"),
        ("{{ value is search('on') }}", "iron", "True"),
        ("{{ value is match('ir') and value is not match('on') }}", "iron", "True"),
        ("{{ [1, value] | min }} {{ max(1, value) }}", 3, "1 3"),
        ("{{ {'a': value}.values() | first }}", 3, "3"),
        ("{{ value[:-1] ~ value[0] }}", "abc", "aba"),
        ("{{ value < 'b' }}", "a", "True"),
    ],
)
def test_more_words_of_templates(template: str, value: object, expected: str) -> None:
    assert command_template(template)(value=value) == expected


@pytest.mark.parametrize(
    "template",
    [
        "{{ value | from_json }}",
        "{{ value | join('x') | join(value) | join(value) | join(value) }}",
        "{{ value is search('(a+)+') }}",
        "{{ value | round(99) }}",
        "{{ 2 ** 1000 }}",
        "{{ (0 - 8) ** 0.5 }}",
        "{{ value.values() }}",
        "{{ value.get('a') }}",
        "{{ {'a': 1}[1:2] }}",
        "{{ {[1]: 2} }}",
        "{{ [1] in [[1]] }}",
        "{{ 5 | length }}",
        "{{ value + 1 }}",
        "{{ 'x' | bool }}",
    ],
)
def test_what_does_not_go_together(template: str) -> None:
    with pytest.raises((ValueError, TypeError, OverflowError)):
        value_template(template).take("some text " * 100)
