"""What devices do beside reporting: scenes, zones that pair by a trip, poll control, Tuya's datapoints, firmware."""

import struct
from collections.abc import Callable, Iterator

import pytest

from device_plugins.virtual_radio import addresses, install_codes, ota, scenes, tuya, zcl
from device_plugins.virtual_radio.catalogue import MODELS
from device_plugins.virtual_radio.sleep import POLL_CONTROL
from device_plugins.virtual_radio.wire import ApsFrame
from device_plugins.virtual_radio.zcl import Status
from tests.device_plugins.virtual_radio.bench import COORDINATOR, Bench
from tests.harness import eventually

ON_OFF, LEVEL, GROUPS, SCENES = 0x0006, 0x0008, 0x0004, 0x0005
IMAGE = bytes(range(200))
VERSION = 0x02010300


@pytest.fixture
def benches() -> Iterator[Callable[[str], Bench]]:
    made: list[Bench] = []

    def make(model: str) -> Bench:
        made.append(Bench(model))
        return made[-1]

    yield make
    for bench in made:
        bench.timers.close()


def test_a_scene_is_stored_viewed_recalled_and_removed() -> None:
    bench = Bench("lamp-white")
    assert bench.command(SCENES, 4, "HB", 7, 1).payload[0] == Status.INVALID_VALUE
    bench.command(GROUPS, 0, "HB", 7, 0)
    bench.status(LEVEL, 4, "BH", 90, 0)
    assert bench.command(SCENES, 4, "HB", 7, 1).payload == b"\x00\x07\x00\x01"
    bench.status(ON_OFF, 0)
    assert bench.status(SCENES, 5, "HB", 7, 1) == Status.SUCCESS
    assert (bench.device.value("on_off"), bench.device.value("current_level")) == (True, 90)
    assert (bench.device.value("current_scene"), bench.device.value("scene_count")) == (1, 1)
    view = bench.command(SCENES, 1, "HB", 7, 1).payload
    assert view == b"\x00\x07\x00\x01\x00\x00\x00" + b"\x06\x00\x01\x01" + b"\x08\x00\x01\x5a"
    assert bench.command(SCENES, 6, "H", 7).payload == b"\x00\x0f\x07\x00\x01\x01"
    assert bench.command(SCENES, 2, "HB", 7, 1).payload == b"\x00\x07\x00\x01"
    assert bench.command(SCENES, 2, "HB", 7, 1).payload[0] == Status.NOT_FOUND
    assert bench.status(SCENES, 5, "HB", 7, 1) == Status.NOT_FOUND


def test_a_scene_can_be_given_and_goes_with_its_group() -> None:
    bench = Bench("lamp-color")
    bench.command(GROUPS, 0, "HB", 7, 0)
    fields = struct.pack("<HBHB", 7, 3, 1, 4) + b"dusk" + b"\x06\x00\x01\x01" + b"\x00\x03\x04\x00\x40\x00\x50"
    frame = zcl.Frame(5, 0, fields, specific=True)
    bench.device.hear(ApsFrame(0x0104, SCENES, 1, 1, 0, 0, 0), frame.encode())
    (answer,) = bench.frames()
    assert answer.payload == b"\x00\x07\x00\x03"
    bench.status(SCENES, 5, "HB", 7, 3)
    assert (bench.device.value("on_off"), bench.device.value("current_x")) == (True, 0x4000)
    for scene in range(4, 4 + scenes.CAPACITY - 1):
        assert bench.command(SCENES, 4, "HB", 7, scene).payload[0] == Status.SUCCESS
    assert bench.command(SCENES, 4, "HB", 7, 99).payload[0] == Status.INSUFFICIENT_SPACE
    bench.command(GROUPS, 3, "H", 7)
    assert bench.device.value("scene_count") == 0
    assert bench.command(SCENES, 3, "H", 7).payload == b"\x00\x07\x00"


async def test_a_trip_pairs_a_zone(benches: Callable[[str], Bench]) -> None:
    bench = benches("contact")
    bench.general(0x0500, zcl.General.WRITE, b"\x10\x00\xf0" + addresses.as_bytes(COORDINATOR))
    await eventually(lambda: bench.sent)
    bench.frames()
    bench.stimulate("contact", "open")
    (asked,) = bench.frames()
    assert (asked.command, asked.to_client) == (0x01, True)
    bench.status(0x0500, 0, "BB", 3, 9)
    assert bench.device.value("zone_state") == 0
    bench.status(0x0500, 0, "BB", 0, 9)
    assert (bench.device.value("zone_state"), bench.device.value("zone_id")) == (1, 9)


async def test_poll_control_checks_in_and_polls_fast(benches: Callable[[str], Bench]) -> None:
    bench = benches("climate-sleepy")
    assert 0 < bench.device.sleep.wait() <= 5
    bench.bind(POLL_CONTROL)
    bench.stimulate("check_in", None)
    (told,) = bench.frames()
    assert (told.command, told.specific, told.to_client) == (0, True, True)
    assert bench.device.sleep.wait() == 0
    assert bench.status(POLL_CONTROL, 0, "BH", 0, 0) == Status.SUCCESS
    assert bench.device.sleep.wait() > 0
    assert bench.status(POLL_CONTROL, 0, "BH", 1, 40) == Status.SUCCESS
    assert bench.device.sleep.wait() == 0
    assert bench.status(POLL_CONTROL, 1) == Status.SUCCESS
    assert bench.device.sleep.wait() > 0
    assert bench.status(POLL_CONTROL, 2, "I", 40) == Status.SUCCESS
    assert bench.device.sleep.every_s == 10
    assert bench.status(POLL_CONTROL, 2, "I", 1) == Status.INVALID_VALUE
    assert bench.status(POLL_CONTROL, 3, "H", 4) == Status.SUCCESS
    assert bench.status(POLL_CONTROL, 3, "H", 0) == Status.INVALID_VALUE


def _tuya(bench: Bench, command: int, payload: bytes) -> list[zcl.Frame]:
    bench.device.hear(ApsFrame(0x0104, tuya.MCU, 1, 1, 0, 0, 0), zcl.Frame(5, command, payload, specific=True).encode())
    return bench.frames()


def test_tuya_datapoints_are_reported_set_and_asked_for() -> None:
    bench = Bench("tuya-climate")
    bench.stimulate("temperature", -21.5)
    (told,) = bench.frames()
    assert (told.command, told.payload) == (0x06, b"\x00\x01" + b"\x01\x02\x00\x04" + (-215).to_bytes(4, signed=True))
    dimmer = Bench("tuya-dimmer")
    dimmer.stimulate("on_off", False)
    dimmer.stimulate("level", 300)
    dimmer.frames()
    reported, default = _tuya(dimmer, 0x00, b"\x00\x09" + b"\x02\x02\x00\x04\x00\x00\x02\x58")
    assert (reported.command, reported.payload[2:]) == (0x01, b"\x02\x02\x00\x04\x00\x00\x02\x58")
    assert default.payload == b"\x00\x00"
    assert tuya.value(dimmer.device, 2) == 600
    assert [frame.command for frame in _tuya(dimmer, 0x03, b"")][:2] == [0x01, 0x01]
    assert _tuya(dimmer, 0x00, b"\x00\x09\x02\x02\x00\x09")[0].payload == bytes([0, Status.MALFORMED_COMMAND])
    assert _tuya(dimmer, 0x10, b"\x00\x01")[0].payload == b"\x00\x01\x40"


def test_a_tuya_device_asks_what_time_it_is() -> None:
    bench = Bench("tuya-climate")
    bench.stimulate("ask_time", None)
    (asked,) = bench.frames()
    assert asked.command == 0x24
    _tuya(bench, 0x24, b"\x00\x08" + struct.pack(">II", 1_800_000_000, 1_800_003_600))
    assert bench.device.value("time") == [1_800_000_000, 1_800_003_600]


def _update(bench: Bench, command: int, payload: bytes) -> None:
    frame = zcl.Frame(5, command, payload, specific=True, to_client=True, no_default_response=True)
    bench.device.hear(ApsFrame(0x0104, ota.OTA, 1, 1, 0, 0, 0), frame.encode())


def _offer(bench: Bench) -> None:
    _update(bench, 0x02, struct.pack("<BHHII", 0, ota.MANUFACTURER, ota.IMAGE_TYPE, VERSION, len(IMAGE)))


async def _serve(bench: Bench, blocks: int) -> list[int]:
    """Answer so many block requests; return their offsets."""
    offsets: list[int] = []
    while len(offsets) < blocks:
        await eventually(lambda: bench.sent)
        (request,) = bench.frames()
        assert request.command == 0x03
        _, _, _, version, offset, most = struct.unpack("<BHHIIB", request.payload)
        offsets.append(offset)
        data = IMAGE[offset : offset + most]
        head = struct.pack("<BHHIIB", 0, ota.MANUFACTURER, ota.IMAGE_TYPE, version, offset, len(data))
        _update(bench, 0x05, head + data)
    return offsets


async def test_firmware_is_fetched_resumed_and_run(benches: Callable[[str], Bench]) -> None:
    bench = benches("plug")
    _update(bench, 0x00, b"\x00\x64")
    (query,) = bench.frames()
    assert query.payload == struct.pack("<BHHI", 0, ota.MANUFACTURER, ota.IMAGE_TYPE, 0x01000000)
    _offer(bench)
    assert await _serve(bench, 2) == [0, 48]
    await eventually(lambda: bench.sent)
    bench.device.rest()  # its power is cut
    bench.sent.clear()
    ota.resume(bench.device, bench.device.endpoints[1])
    assert await _serve(bench, 3) == [96, 144, 192]
    (end,) = bench.frames()
    assert (end.command, end.payload[0]) == (0x06, 0)
    times = struct.pack("<HHIII", ota.MANUFACTURER, ota.IMAGE_TYPE, VERSION, 0, 0)
    _update(bench, 0x07, times)
    client = bench.device.endpoints[1].clients[ota.OTA]
    await eventually(lambda: client.named("current_file_version").value == VERSION)
    assert bench.device.value("sw_build_id") == "2.1.3"


async def test_firmware_waits_when_told_and_gives_up_when_told(benches: Callable[[str], Bench]) -> None:
    bench = benches("plug")
    _offer(bench)
    bench.frames()
    _update(bench, 0x05, struct.pack("<BIIH", 0x97, 100, 100, 0))
    await eventually(lambda: bench.sent)
    bench.frames()
    _update(bench, 0x05, b"\x95")
    client = bench.device.endpoints[1].clients[ota.OTA]
    assert client.named("image_upgrade_status").value == 0
    _update(bench, 0x02, b"\x98")
    assert bench.frames() == []


def test_an_install_code_is_that_of_the_specification() -> None:
    code = bytes.fromhex("83FED3407A939723A5C639B26916D505C3B5")
    assert install_codes._crc(code[:-2]).to_bytes(2, "little") == code[-2:]
    assert install_codes.link_key(code).hex() == "66b6900981e1ee3ca4206b6b861c02bb"
    assert MODELS["plug-secure"].install_code
