"""Which trigger of a quirk was meant, and what it is called."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.zigbee.mapping.presses import Press, Said, named, pressed, tells_plainly

ON_OFF, LEVEL, SCENES = 0x0006, 0x0008, 0x0005


@pytest.mark.parametrize(
    ("kind", "subtype", "words"),
    [
        ("remote_button_short_press", "button_1", ("single", "1")),
        ("remote_button_alt_double_press", "button_12", ("double", "12")),
        ("remote_button_long_press", "dim_up", ("hold", "dim_up")),
        ("remote_button_long_release", "Button 2", ("release", "2")),
        ("remote_button_triple_press", "remote_button_triple_press", ("triple", "")),
        ("button_hold", "button", ("hold", "")),
        ("click", "Aux up", ("single", "aux_up")),
        ("device_slid", "face_1", ("slid", "face_1")),
        ("Enter_Left", "sensor", None),
        ("device_tilted", "device_tilted", None),
    ],
)
def test_the_words_of_triggers(kind: str, subtype: str, words: tuple[str, str] | None) -> None:
    assert named(kind, subtype) == words


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_words_make_an_action_and_a_button_of_plain_letters(kind: str, subtype: str) -> None:
    found = named(kind, subtype)
    if found is not None:
        assert all(sign in "abcdefghijklmnopqrstuvwxyz0123456789_" for word in found for sign in word)


PRESSES = (
    Press("single", "left", "press", 1, SCENES, params={"param1": 257}, plain=(SCENES,)),
    Press("hold", "left", "press", 1, SCENES, params={"param1": 3329}, plain=(SCENES,)),
    Press("double", "1", "attribute_updated", 1, args={"attribute_id": 85, "value": 2}),
    Press("slid", "face_1", "slide", args=[0, 2]),
    Press("single", "2", endpoint=2),
)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (Said(1, SCENES, "press", [257, 13], {"param1": 257, "param2": 13}), 0),
        (Said(1, SCENES, "press", [3329], {"param1": 3329}), 1),
        (Said(1, SCENES, "press", [1], {"param1": 1}), None),
        (Said(1, LEVEL, "press", [257], {"param1": 257}), None),
        (Said(1, 18, "attribute_updated", {"attribute_id": 85, "attribute_name": "x", "value": 2}, {}), 2),
        (Said(1, 18, "attribute_updated", {"attribute_id": 85}, {}), None),
        (Said(1, 18, "attribute_updated", [], {}), None),
        (Said(7, 18, "slide", [0, 2], {}), 3),
        (Said(7, 18, "slide", [0, 3], {}), None),
        (Said(2, 18, "whatever", [], {}), 4),
    ],
)
def test_a_press_is_meant_if_all_that_its_trigger_says_holds(said: Said, wanted: int | None) -> None:
    assert pressed(PRESSES, said) is (None if wanted is None else PRESSES[wanted])


def test_plain_commands_are_presses_where_a_trigger_names_one_of_their_cluster() -> None:
    assert tells_plainly((), ON_OFF)
    assert tells_plainly(PRESSES[:2], ON_OFF)
    assert tells_plainly(PRESSES, SCENES)
    assert not tells_plainly(PRESSES, ON_OFF)


def test_presses_can_be_remembered() -> None:
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(PRESSES)), tuple[Press, ...]) == PRESSES
