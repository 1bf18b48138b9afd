"""What each kind of device does with commands and with what happens to it."""

import struct
from collections.abc import Iterator

import pytest

from device_plugins.virtual_radio import MODELS, RadioError, addresses, closures, zcl, zdo
from device_plugins.virtual_radio.closures import UNLOCKED
from device_plugins.virtual_radio.cluster import Reporting
from device_plugins.virtual_radio.device import MAX_BINDINGS
from device_plugins.virtual_radio.wire import ApsFrame
from device_plugins.virtual_radio.zcl import Status
from tests.device_plugins.virtual_radio.bench import COORDINATOR, Bench
from tests.harness import eventually

ON_OFF, LEVEL, COLOR, GROUPS, IDENTIFY = 0x0006, 0x0008, 0x0300, 0x0004, 0x0003


@pytest.fixture
def benches() -> Iterator[list[Bench]]:
    made: list[Bench] = []
    yield made
    for bench in made:
        bench.timers.close()


def test_on_off_and_toggle() -> None:
    bench = Bench("lamp-white")
    for command, is_on in ((1, True), (2, False), (2, True), (0x40, False), (0x41, True), (0, False)):
        assert bench.status(ON_OFF, command) == Status.SUCCESS
        assert bench.device.value("on_off") is is_on
    assert [facts["command"] for event, facts in bench.noted if event == "command"] == [1, 2, 2, 0x40, 0x41, 0]


async def test_on_for_a_while_ends(benches: list[Bench]) -> None:
    bench = Bench("plug")
    benches.append(bench)
    bench.status(ON_OFF, 0x42, "BHH", 0, 1, 0)
    assert bench.device.value("on_off") is True
    await eventually(lambda: bench.device.value("on_off") is False)


@pytest.mark.parametrize(
    ("commands", "is_on", "level"),
    [
        ([(4, "BH", 100, 0)], True, 100),
        ([(4, "BH", 100, 0), (4, "BH", 0, 0)], False, 100),
        ([(0, "BH", 100, 0)], False, 254),
        ([(4, "BH", 100, 0), (0, "BH", 0, 0)], True, 1),
        ([(4, "BH", 100, 0), (6, "BBH", 0, 43, 5)], True, 143),
        ([(4, "BH", 100, 0), (2, "BBH", 1, 43, 5)], True, 57),
        ([(4, "BH", 100, 0), (6, "BBH", 1, 200, 5)], False, 100),
        ([(4, "BH", 100, 0), (1, "BB", 0, 50), (3, "")], True, 254),
        ([(4, "BH", 100, 0), (5, "BB", 1, 50), (7, "")], False, 100),
    ],
)
def test_level(commands: list[tuple[int, str, int]], is_on: bool, level: int) -> None:  # noqa: FBT001
    bench = Bench("lamp-white")
    for command, layout, *values in commands:
        assert bench.status(LEVEL, command, layout, *values) == Status.SUCCESS
    assert (bench.device.value("on_off"), bench.device.value("current_level")) == (is_on, level)


@pytest.mark.parametrize(
    ("command", "layout", "values", "mode", "shown"),
    [
        (0x00, "BBH", (100, 0, 0), 0, {"current_hue": 100, "enhanced_current_hue": 25600}),
        (0x02, "BBB", (3, 10, 0), 0, {"current_hue": 245}),
        (0x03, "BH", (200, 0), 0, {"current_saturation": 200}),
        (0x05, "BBB", (1, 20, 0), 0, {"current_saturation": 20}),
        (0x06, "BBH", (10, 20, 0), 0, {"current_hue": 10, "current_saturation": 20}),
        (0x07, "HHH", (1000, 2000, 0), 1, {"current_x": 1000, "current_y": 2000}),
        (0x0A, "HH", (250, 0), 2, {"color_temperature": 250}),
        (0x0A, "HH", (9999, 0), 2, {"color_temperature": 500}),
        (0x40, "HBH", (30000, 0, 0), 0, {"enhanced_current_hue": 30000, "current_hue": 117, "enhanced_color_mode": 3}),
        (0x43, "HBH", (30000, 99, 0), 0, {"enhanced_current_hue": 30000, "current_saturation": 99}),
        (0x4C, "BHHHH", (1, 30, 0, 153, 500), 2, {"color_temperature": 400}),
        (0x4C, "BHHHH", (3, 300, 0, 153, 500), 2, {"color_temperature": 153}),
        (0x47, "", (), 2, {}),
    ],
)
def test_color(command: int, layout: str, values: tuple[int, ...], mode: int, shown: dict[str, int]) -> None:
    bench = Bench("lamp-color")
    assert bench.status(COLOR, command, layout, *values) == Status.SUCCESS
    assert bench.device.value("color_mode") == mode
    assert {name: bench.device.value(name) for name in shown} == shown


@pytest.mark.parametrize(
    ("model", "cluster", "command", "layout", "values", "status"),
    [
        ("lamp-white", LEVEL, 4, "BH", (255, 0), Status.INVALID_VALUE),
        ("lamp-color", COLOR, 0x00, "BBH", (255, 0, 0), Status.INVALID_VALUE),
        ("lamp-color", COLOR, 0x00, "BBH", (1, 4, 0), Status.INVALID_VALUE),
        ("lamp-color", COLOR, 0x03, "BH", (255, 0), Status.INVALID_VALUE),
        ("lamp-color", COLOR, 0x06, "BBH", (1, 255, 0), Status.INVALID_VALUE),
        ("lamp-color", COLOR, 0x07, "HHH", (0xFF00, 0, 0), Status.INVALID_VALUE),
        ("lamp-color", COLOR, 0x43, "HBH", (1, 255, 0), Status.INVALID_VALUE),
        ("blind", 0x0102, 5, "B", (101,), Status.INVALID_VALUE),
        ("thermostat", 0x0201, 0, "Bb", (1, 5), Status.INVALID_VALUE),
        ("lamp-white", ON_OFF, 0x77, "", (), Status.UNSUP_CLUSTER_COMMAND),
        ("lamp-white", COLOR, 0x00, "BBH", (1, 0, 0), Status.UNSUPPORTED_CLUSTER),
        ("lamp-white", LEVEL, 4, "B", (9,), Status.MALFORMED_COMMAND),
    ],
)
def test_what_it_cannot_do_is_refused(  # noqa: PLR0917, RUF100
    model: str, cluster: int, command: int, layout: str, values: tuple[int, ...], status: Status
) -> None:
    assert Bench(model).status(cluster, command, layout, *values) == status


def test_a_foreign_manufacturer_s_command_is_refused() -> None:
    answer = Bench("lamp-white").command(ON_OFF, 1, manufacturer=0x1037)
    assert answer.payload[1] == Status.UNSUP_MANUF_CLUSTER_COMMAND


def test_changes_are_reported_once_configured_and_bound() -> None:
    bench = Bench("lamp-white")
    attribute = bench.device.attribute(1, ON_OFF, 0)
    bench.status(ON_OFF, 1)
    attribute.reporting = Reporting(0, 0, None)
    bench.stimulate("on_off", False)
    assert bench.frames() == []
    bench.bind(ON_OFF)
    bench.stimulate("on_off", True)
    bench.stimulate("on_off", True)
    (report,) = bench.frames()
    assert (report.command, report.to_client, report.payload) == (zcl.General.REPORT, True, b"\x00\x00\x10\x01")


def test_groups_are_kept() -> None:
    bench = Bench("lamp-white")
    assert bench.command(GROUPS, 0, "HB", 7, 0).payload == b"\x00\x07\x00"
    assert bench.command(GROUPS, 0, "HB", 0, 0).payload[0] == Status.INVALID_VALUE
    assert bench.command(GROUPS, 1, "H", 7).payload == b"\x00\x07\x00\x00"
    assert bench.command(GROUPS, 1, "H", 8).payload[0] == Status.NOT_FOUND
    assert bench.command(GROUPS, 2, "BHH", 2, 7, 8).payload == b"\x0f\x01\x07\x00"
    assert bench.command(GROUPS, 3, "H", 7).payload == b"\x00\x07\x00"
    assert bench.command(GROUPS, 3, "H", 7).payload[0] == Status.NOT_FOUND
    for group in range(1, 17):
        bench.command(GROUPS, 0, "HB", group, 0)
    assert bench.command(GROUPS, 0, "HB", 99, 0).payload[0] == Status.INSUFFICIENT_SPACE
    assert bench.status(GROUPS, 4) == Status.SUCCESS
    assert not bench.device.groups
    assert bench.status(GROUPS, 5, "HB", 3, 0) == Status.SUCCESS
    assert not bench.device.groups


async def test_identify_counts_down(benches: list[Bench]) -> None:
    bench = Bench("lamp-white")
    benches.append(bench)
    assert bench.status(IDENTIFY, 1) == Status.SUCCESS
    assert bench.status(IDENTIFY, 0, "H", 60) == Status.SUCCESS
    assert bench.command(IDENTIFY, 1).payload == struct.pack("<H", 60)
    assert bench.status(GROUPS, 5, "HB", 3, 0) == Status.SUCCESS
    assert bench.device.groups == {(1, 3)}
    bench.general(IDENTIFY, zcl.General.WRITE, b"\x00\x00\x21\x00\x00")
    await eventually(lambda: bench.device.value("identify_time") == 0)
    assert bench.status(IDENTIFY, 0x40, "BB", 0, 0) == Status.SUCCESS
    assert bench.status(0x0000, 0) == Status.SUCCESS


def test_a_plug_measures_its_load_while_it_is_on() -> None:
    bench = Bench("plug")
    bench.stimulate("power", 115.0)
    assert bench.device.value("active_power") == 0
    bench.status(ON_OFF, 1)
    shown = {name: bench.device.value(name) for name in ("active_power", "rms_current", "instantaneous_demand")}
    assert shown == {"active_power": 1150, "rms_current": 500, "instantaneous_demand": 115}
    bench.stimulate("voltage", 115)
    assert (bench.device.value("rms_voltage"), bench.device.value("rms_current")) == (1150, 1000)
    bench.stimulate("voltage", 0)
    bench.stimulate("energy", 12.345)
    assert bench.device.value("current_summ_delivered") == 12345
    bench.status(ON_OFF, 0)
    assert bench.device.value("active_power") == 0


def test_a_blind_without_latency_is_there_at_once() -> None:
    bench = Bench("blind")
    for command, layout, values, lift in ((1, "", (), 100), (0, "", (), 0), (5, "B", (30,), 30), (2, "", (), 30)):
        assert bench.status(0x0102, command, layout, *values) == Status.SUCCESS
        assert bench.device.value("lift") == lift
    bench.stimulate("position", 55)
    assert bench.device.value("lift") == 55


async def test_a_blind_takes_its_time_and_stops(benches: list[Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closures, "STEP_S", 0.005)
    bench = Bench("blind", instant=False)
    benches.append(bench)
    bench.status(0x0102, 1)
    assert bench.device.value("lift") == 0
    await eventually(lambda: bench.device.value("lift") > 0)
    bench.status(0x0102, 2)
    where = bench.device.value("lift")
    bench.status(0x0102, 5, "B", max(where - 7, 0))
    await eventually(lambda: bench.device.value("lift") == max(where - 7, 0))


def test_a_lock_answers_with_its_own_command() -> None:
    bench = Bench("lock")
    for command, state in ((1, UNLOCKED), (0, closures.LOCKED), (2, UNLOCKED)):
        answer = bench.command(0x0101, command)
        assert (answer.command, answer.payload, answer.specific) == (command, b"\x00", True)
        assert bench.device.value("lock_state") == state
    bench.stimulate("lock", "locked")
    assert bench.device.value("lock_state") == closures.LOCKED


async def test_a_thermostat_heats_when_it_is_colder_than_wanted(benches: list[Bench]) -> None:
    bench = Bench("thermostat")
    benches.append(bench)
    bench.stimulate("temperature", 18.5)
    assert (bench.device.value("local_temperature"), bench.device.value("running_state")) == (1850, 1)
    bench.stimulate("setpoint", 18)
    assert bench.device.value("running_state") == 0
    assert bench.status(0x0201, 0, "Bb", 0, 25) == Status.SUCCESS
    assert (bench.device.value("occupied_heating_setpoint"), bench.device.value("running_state")) == (2050, 1)
    (written,) = bench.general(0x0201, zcl.General.WRITE, b"\x1c\x00\x30\x00")
    assert written.payload == b"\x00"
    await eventually(lambda: bench.device.value("running_state") == 0)
    (refused,) = bench.general(0x0201, zcl.General.WRITE, b"\x12\x00\x29\xff\x7f")
    assert refused.payload == bytes([Status.INVALID_VALUE]) + b"\x12\x00"
    bench.status(0x0201, 0, "Bb", 0, 127)
    assert bench.device.value("occupied_heating_setpoint") == 3000


async def test_a_siren_sounds_and_falls_silent(benches: list[Bench]) -> None:
    bench = Bench("siren")
    benches.append(bench)
    assert bench.status(0x0502, 0, "BHBB", 0x17, 30, 50, 1) == Status.SUCCESS
    assert bench.device.value("siren") == {"mode": 1, "strobe": True, "level": 3}
    assert bench.status(0x0502, 0, "BHBB", 0x00, 0, 0, 0) == Status.SUCCESS
    assert bench.device.value("siren")["mode"] == 0
    bench.status(0x0502, 0, "BHBB", 0x10, 0, 0, 0)
    await eventually(lambda: bench.device.value("siren")["mode"] == 0)
    assert bench.status(0x0502, 1, "B", 0x13) == Status.SUCCESS


async def test_a_zone_enrols_only_with_a_cie_and_notifies_only_when_enrolled(benches: list[Bench]) -> None:
    bench = Bench("smoke")
    benches.append(bench)
    bench.stimulate("smoke", True)
    assert bench.status(0x0500, 0, "BB", 0, 9) == Status.SUCCESS
    assert bench.device.value("zone_state") == 0
    cie = addresses.as_bytes(COORDINATOR)
    (written,) = bench.general(0x0500, zcl.General.WRITE, b"\x10\x00\xf0" + cie)
    assert written.payload == b"\x00"
    await eventually(lambda: bench.sent)
    (request,) = bench.frames()
    assert (request.command, request.payload, request.to_client) == (1, b"\x28\x00\x34\x12", True)
    bench.status(0x0500, 0, "BB", 0, 9)
    assert (bench.device.value("zone_state"), bench.device.value("zone_id")) == (1, 9)
    bench.stimulate("battery", 5)
    (notice,) = bench.frames()
    assert (notice.command, notice.payload) == (0, struct.pack("<HBBH", 0x0009, 0, 9, 0))
    bench.general(0x0500, zcl.General.WRITE, b"\x10\x00\xf0" + bytes(8))
    await eventually(lambda: bench.device.value("zone_state") == 0)
    bench.stimulate("smoke", False)
    assert bench.frames() == []


@pytest.mark.parametrize(
    ("model", "stimulus", "value", "attribute", "shown"),
    [
        ("motion", "motion", True, "occupancy", 1),
        ("motion", "temperature", 21.5, "measured_value", None),
        ("motion", "illuminance", 1000.0, "measured_value", 30001),
        ("motion", "illuminance", 0, "measured_value", 0),
        ("motion", "battery", 55, "battery_percentage_remaining", 110),
        ("motion-ias", "motion", True, "zone_status", 1),
        ("contact", "contact", "open", "zone_status", 1),
        ("leak", "leak", True, "zone_status", 1),
        ("siren", "tamper", True, "zone_status", 4),
        ("climate", "temperature", -12.34, "measured_value", -1234),
        ("lamp-white", "level", 77, "current_level", 77),
    ],
)
def test_what_happens_shows(model: str, stimulus: str, value: object, attribute: str, shown: object) -> None:
    bench = Bench(model)
    bench.stimulate(stimulus, value)
    if shown is not None:
        assert bench.device.value(attribute) == shown


def test_climate_shows_each_measurement_in_its_own_cluster() -> None:
    bench = Bench("climate")
    for stimulus, value in (("temperature", 21.5), ("humidity", 45.5), ("pressure", 99_800)):
        bench.stimulate(stimulus, value)
    assert [bench.device.attribute(1, cluster, 0).value for cluster in (0x0402, 0x0405, 0x0403)] == [2150, 4550, 998]


@pytest.mark.parametrize(
    ("model", "stimulus", "value"),
    [
        ("motion", "motion", 1),
        ("motion", "temperature", "hot"),
        ("motion", "temperature", 999),
        ("motion", "illuminance", True),
        ("contact", "contact", "ajar"),
        ("button", "press", 3),
    ],
)
def test_what_cannot_happen_is_told(model: str, stimulus: str, value: object) -> None:
    with pytest.raises(RadioError, match="It takes "):
        Bench(model).stimulate(stimulus, value)


@pytest.mark.parametrize("model", MODELS)
def test_every_stimulus_is_explained(model: str) -> None:
    assert all(len(item.help) > 5 for item in MODELS[model].stimuli.values())


def test_a_button_sends_only_where_it_is_bound() -> None:
    bench = Bench("button")
    bench.stimulate("press", "on")
    bench.bind(ON_OFF)
    bench.bind(LEVEL)
    sent = []
    for press in ("single", "on", "off", "up", "down", "hold", "hold_down", "release"):
        bench.stimulate("press", press)
        (frame,) = bench.frames()
        assert frame.specific
        assert not frame.to_client
        sent.append((frame.command, frame.payload.hex()))
    assert sent == [(2, ""), (1, ""), (0, ""), (6, "002b0500"), (2, "012b0500"), (5, "0054"), (1, "0154"), (7, "")]


def test_zdo_tells_what_the_node_is() -> None:
    bench = Bench("motion")
    bench.device.short = 0x1234
    eui64 = addresses.as_bytes(bench.device.ieee)
    assert bench.ask(zdo.Request.NWK_ADDRESS, eui64 + b"\x00\x00") == b"\x00" + eui64 + b"\x34\x12"
    assert bench.ask(zdo.Request.NWK_ADDRESS, bytes(8) + b"\x00\x00") is None
    assert bench.ask(zdo.Request.IEEE_ADDRESS, b"\x34\x12\x00\x00") == b"\x00" + eui64 + b"\x34\x12"
    assert bench.ask(zdo.Request.POWER_DESCRIPTOR, b"\x34\x12") == b"\x00\x34\x12\x42\xc4"
    assert bench.ask(zdo.Request.ACTIVE_ENDPOINTS, b"\x34\x12") == b"\x00\x34\x12\x01\x01"
    for endpoint, status in ((2, zdo.Status.NOT_ACTIVE), (0, zdo.Status.INVALID_ENDPOINT)):
        assert (
            bench.ask(zdo.Request.SIMPLE_DESCRIPTOR, b"\x34\x12" + bytes([endpoint]))
            == bytes([status]) + b"\x34\x12\x00"
        )
    match = b"\x34\x12\x04\x01" + b"\x01\x06\x04" + b"\x00"
    assert bench.ask(zdo.Request.MATCH_DESCRIPTOR, match) == b"\x00\x34\x12\x01\x01"
    assert bench.ask(zdo.Request.MATCH_DESCRIPTOR, b"\x34\x12\x04\x01\x00\x01\x06\x00") is None
    parent = bytes(8) + addresses.as_bytes(COORDINATOR) + b"\x00\x00" + b"\x04\x02\x00\xc8"
    assert bench.ask(zdo.Request.NEIGHBOURS, b"\x00") == b"\x00\x01\x00\x01" + parent
    assert bench.ask(zdo.Request.NEIGHBOURS, b"\x01") == b"\x00\x01\x01\x00"
    assert bench.ask(zdo.Request.ROUTES, b"\x00") == b"\x00\x01\x00\x01" + b"\x00\x00\x00\x00\x00"
    assert bench.ask(0x0077, b"") == bytes([zdo.Status.NOT_SUPPORTED])
    assert bench.ask(zdo.Request.SIMPLE_DESCRIPTOR, b"") == bytes([zdo.Status.INVALID_REQUEST])
    assert bench.ask(zdo.Request.DEVICE_ANNOUNCE, b"") is None


def test_zdo_binds_and_unbinds() -> None:
    bench = Bench("lamp-white")
    own, there = addresses.as_bytes(bench.device.ieee), addresses.as_bytes(COORDINATOR)

    def body(endpoint: int, cluster: int, mode: int = 3) -> bytes:
        target = struct.pack("<H", 0x0107) if mode == 1 else there + b"\x01"
        return own + struct.pack("<BHB", endpoint, cluster, mode) + target

    assert bench.ask(zdo.Request.BIND, body(1, ON_OFF)) == b"\x00"
    assert bench.device.bindings == {zdo.Binding(1, ON_OFF, COORDINATOR, 1)}
    table = bench.ask(zdo.Request.BINDINGS, b"\x00")
    assert table == b"\x00\x01\x00\x01" + own + b"\x01\x06\x00\x03" + there + b"\x01"
    assert bench.ask(zdo.Request.BIND, body(2, ON_OFF)) == bytes([zdo.Status.INVALID_ENDPOINT])
    assert bench.ask(zdo.Request.BIND, body(1, COLOR)) == bytes([zdo.Status.NOT_SUPPORTED])
    assert bench.ask(zdo.Request.BIND, body(1, ON_OFF, mode=2)) == bytes([zdo.Status.NOT_SUPPORTED])
    assert bench.ask(zdo.Request.BIND, body(1, ON_OFF, mode=1)) == b"\x00"
    table = bench.ask(zdo.Request.BINDINGS, b"\x00")
    assert table is not None
    assert table[:4] == b"\x00\x02\x00\x02"
    assert own + b"\x01\x06\x00\x01\x07\x01" in table
    assert bench.ask(zdo.Request.UNBIND, body(1, ON_OFF, mode=1)) == b"\x00"
    assert bench.ask(zdo.Request.UNBIND, body(1, LEVEL)) == bytes([zdo.Status.NO_ENTRY])
    assert bench.ask(zdo.Request.UNBIND, body(1, ON_OFF)) == b"\x00"
    assert bench.ask(zdo.Request.UNBIND, body(1, ON_OFF, mode=2)) == bytes([zdo.Status.NOT_SUPPORTED])
    for endpoint in range(MAX_BINDINGS):
        bench.device.bind(zdo.Binding(1, ON_OFF, addresses.made(9, endpoint), 1))
    assert bench.ask(zdo.Request.BIND, body(1, LEVEL)) == bytes([zdo.Status.TABLE_FULL])


async def test_zdo_is_asked_to_leave(benches: list[Bench]) -> None:
    bench = Bench("lamp-white")
    benches.append(bench)
    assert bench.ask(zdo.Request.LEAVE, bytes(8) + b"\x00") == b"\x00"
    await eventually(lambda: bench.left)
    assert bench.ask(zdo.Request.PERMIT_JOINING, b"\x3c\x00") == b"\x00"
    moved = bench.ask(zdo.Request.NWK_UPDATE, struct.pack("<IBB", 1 << 20, 0xFE, 1))
    assert moved is not None
    assert moved[0] == zdo.Status.SUCCESS
    scanned = bench.ask(zdo.Request.NWK_UPDATE, struct.pack("<IBB", 1 << 20, 3, 1))
    assert scanned is not None
    assert scanned[:5] == bytes([zdo.Status.SUCCESS]) + struct.pack("<I", 1 << 20)
    assert (scanned[9], len(scanned)) == (1, 11)
    refused = bench.ask(zdo.Request.NWK_UPDATE, struct.pack("<IBB", 1 << 20, 0x77, 1))
    assert refused is not None
    assert refused[0] == zdo.Status.NOT_SUPPORTED


def test_noise_on_the_air_is_dropped() -> None:
    bench = Bench("lamp-white")
    aps = ApsFrame(0x0104, ON_OFF, 1, 1, 0, 0, 0)
    bench.device.hear(aps, b"\x01")
    bench.device.hear(aps, zcl.Frame(1, zcl.General.DEFAULT_RESPONSE, b"\x00\x00").encode())
    assert bench.sent == []


def test_attributes_can_be_reached_and_set() -> None:
    bench = Bench("lamp-white")
    assert bench.device.set(1, ON_OFF, 0, True) == 0
    assert bench.device.value("on_off") is True
    with pytest.raises(RadioError, match="no attribute 0x0009 of cluster 0x0006 on endpoint 1"):
        bench.device.attribute(1, ON_OFF, 9)
    with pytest.raises(RadioError, match="no attribute named 'color'"):
        bench.device.value("color")
    with pytest.raises(RadioError, match="cannot be that"):
        bench.device.set(1, LEVEL, 0, 999)
