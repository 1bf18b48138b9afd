"""The same physical device told twice is noticed, told, and not doubled, whatever comes first."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_plugins.mqtt.twins import Change, Twins, identities_of, told

NATIVE = "zigbee-90fd9ffffe6494fc"
BRIDGED = "mqtt.zigbee2mqtt.0x90fd9ffffe6494fc"
DISCOVERED = "mqtt.homeassistant.zigbee2mqtt_0x90fd9ffffe6494fc"
BULB = frozenset({"ieee:90fd9ffffe6494fc"})


def claim_all(twins: Twins, *devices: str) -> None:
    for device in devices:
        twins.claim(device, BULB)


@pytest.mark.parametrize("order", list(itertools.permutations([NATIVE, BRIDGED, DISCOVERED])))
def test_the_native_device_wins_whatever_comes_first(order: tuple[str, ...]) -> None:
    twins = Twins()
    claim_all(twins, *order)
    assert [device for device in order if twins.holds(device)] == [NATIVE]
    assert twins.twin_of(BRIDGED) == twins.twin_of(DISCOVERED) == NATIVE
    assert twins.twin_of(NATIVE) == ""


def test_of_two_conventions_the_exact_one_wins_and_the_other_is_taken_back() -> None:
    twins = Twins()
    assert twins.claim(DISCOVERED, BULB) == Change(come=(DISCOVERED,))
    assert twins.claim(BRIDGED, BULB) == Change(come=(BRIDGED,), go=(DISCOVERED,))
    assert not twins.holds(DISCOVERED)


def test_what_its_owner_has_already_stays() -> None:
    twins = Twins()
    twins.claim(DISCOVERED, BULB, kept=True)
    assert twins.claim(BRIDGED, BULB) == Change()
    assert twins.twin_of(BRIDGED) == DISCOVERED
    # But not beside the radio's own.
    assert twins.claim(NATIVE, identities_of(NATIVE)) == Change(come=(NATIVE,), go=(DISCOVERED,))


def test_the_next_in_line_comes_when_the_first_goes() -> None:
    twins = Twins()
    claim_all(twins, NATIVE, DISCOVERED, BRIDGED)
    assert twins.release(NATIVE) == Change(come=(BRIDGED,))
    assert twins.release(BRIDGED) == Change(come=(DISCOVERED,))
    assert twins.release(DISCOVERED) == Change()
    assert twins.release("mqtt.homie5.never-there") == Change()


def test_a_device_said_again_changes_nothing() -> None:
    twins = Twins()
    claim_all(twins, BRIDGED, DISCOVERED)
    assert twins.claim(BRIDGED, BULB) == Change()
    assert twins.claim(DISCOVERED, BULB) == Change()


def test_devices_of_one_source_are_never_twins() -> None:
    twins = Twins()
    first, second = "mqtt.homeassistant.light", "mqtt.homeassistant.sensor"
    twins.claim(first, {"mac:a8032abe54dc"})
    twins.claim(second, {"mac:a8032abe54dc"})
    assert twins.holds(first)
    assert twins.holds(second)
    # Both stand back for one that is the whole device.
    assert twins.claim("mqtt.shelly2.a8032abe54dc", {"mac:a8032abe54dc"}).go == (first, second)


def test_other_identities_make_other_twins() -> None:
    twins = Twins()
    claim_all(twins, BRIDGED, DISCOVERED)
    assert twins.claim(BRIDGED, {"ieee:00158d0002b55e17"}) == Change(come=(DISCOVERED,))
    assert twins.claim(BRIDGED, BULB) == Change(go=(DISCOVERED,))


def test_who_stood_back_for_one_that_stands_back_now_comes() -> None:
    twins = Twins()
    twins.claim("mqtt.tasmota.one", {"mac:1"})
    twins.claim("mqtt.homie5.one", {"mac:1"})
    assert not twins.holds("mqtt.homie5.one")
    # The radio's device shares something with the first, and nothing with the second.
    twins.claim("mqtt.tasmota.one", {"mac:1", "ieee:2"})
    assert twins.claim("zigbee-2", {"ieee:2"}) == Change(come=("mqtt.homie5.one", "zigbee-2"), go=("mqtt.tasmota.one",))


def test_a_device_without_identities_has_no_twin() -> None:
    twins = Twins()
    assert twins.claim("mqtt.homie4.lamp", ()) == Change(come=("mqtt.homie4.lamp",))
    assert twins.holds("mqtt.homie4.lamp")
    assert twins.holds("mqtt.homie4.unheard-of")


def test_only_so_many_identities_count() -> None:
    twins = Twins()
    twins.claim(BRIDGED, {f"mac:{number:012x}" for number in range(5000)})
    assert sum(map(len, twins._sharing.values())) == 16


def test_thousands_that_claim_to_be_one_take_no_time_and_do_not_hide_the_real_one() -> None:
    twins = Twins()
    for number in range(2000):  # the test's own limit of time is what fails
        twins.claim(f"mqtt.homie4.same-{number}", BULB)
        twins.claim(f"mqtt.homeassistant.chain-{number}", [f"mac:{number:012x}", f"mac:{number + 1:012x}"])
    twins.claim(NATIVE, BULB)
    assert twins.holds(NATIVE)
    assert twins.twin_of("mqtt.homie4.same-0") == NATIVE


def test_a_zigbee_device_is_known_by_its_id() -> None:
    assert identities_of(NATIVE) == BULB
    assert identities_of("zwave-7") == identities_of("zigbee-x") == frozenset()


def test_the_sentence_names_both() -> None:
    assert DISCOVERED in told(DISCOVERED, NATIVE)
    assert NATIVE in told(DISCOVERED, NATIVE)


devices = st.sampled_from(
    [f"{source}{number}" for source in ("zigbee-", "mqtt.tasmota.", "mqtt.homie5.", "mqtt.odd.") for number in range(3)]
)
steps = st.tuples(devices, st.none() | st.frozensets(st.sampled_from(["a", "b", "c"]), max_size=2))


@given(taken=st.lists(steps, max_size=25))
@settings(max_examples=150)
def test_never_doubled_and_never_lost(taken: list[tuple[str, frozenset[str] | None]]) -> None:
    twins, claimed, there = Twins(), dict[str, frozenset[str]](), set[str]()
    for device, identities in taken:
        if identities is None:
            change = twins.release(device)
            claimed.pop(device, None)
            there.discard(device)
        else:
            change = twins.claim(device, identities)
            claimed[device] = identities
        there = there - {*change.go} | {*change.come}
        assert there == {one for one in claimed if twins.holds(one)}
    for one, other in itertools.combinations(sorted(there), 2):
        same_source = one[:-1] == other[:-1]
        assert same_source or not claimed[one] & claimed[other]
    for one in claimed.keys() - there:
        twin = twins.twin_of(one)
        assert twin in there
        assert claimed[one] & claimed[twin]
    for one in [*claimed]:
        twins.release(one)
    assert not twins._claims
    assert not twins._sharing
