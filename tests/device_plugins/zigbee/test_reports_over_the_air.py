"""What real devices report over the air is told rightly: through the virtual radio, ASH, EZSP and the quick way.

The attributes are those of `test_reports_of_real_devices`, with a few values of the whole range, and with none.
"""

import itertools
import random
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from device_plugins.virtual_radio import VirtualDevice, zcltypes
from device_plugins.virtual_radio.wire import ApsFrame
from device_plugins.zigbee.simulate_file import read
from tests.device_plugins.zigbee.bench import Bench, bench, id_of
from tests.device_plugins.zigbee.reports import Place, all_places, is_nothing, nothing, wrong_of
from tests.harness.waiting import eventually

HOME_AUTOMATION = 0x0104
TURNS = 12

type Values = list[tuple[Place, Any]]


def fewest() -> list[list[Place]]:
    """All places of the least devices (nearly) that have every attribute in every type."""
    devices = [[*those] for _, those in itertools.groupby(all_places(), lambda place: place.file)]
    missing = {sort_of(place) for places in devices for place in places}
    chosen: list[list[Place]] = []
    while missing:
        best = max(devices, key=lambda places: len(missing & {sort_of(place) for place in places}))
        missing -= {sort_of(place) for place in best}
        chosen.append(best)
    return chosen


def sort_of(place: Place) -> tuple[int, int, int]:
    return place.told.cluster, place.told.attribute, place.told.kind


def awake(description: dict[str, Any]) -> dict[str, Any]:
    """The same device, but it does not sleep: that would only take time."""
    told = description.get("descriptor", "")
    return description | {"battery": False, "descriptor": told and f"{told[:4]}8e{told[6:]}"}


CHOSEN = fewest()
DESCRIPTIONS = [awake(read(places[0].file)) for places in CHOSEN]


def raw_of(kind: int, turn: int, dice: random.Random) -> Any:  # noqa: ANN401
    """Something ordinary, nothing, anything, and the edges, by turns."""
    if kind == zcltypes.BOOL:
        return dice.random() < 0.5
    if kind == zcltypes.TEXT:
        return "".join(dice.choices("01.abcÄ \t", k=dice.randrange(12)))
    none = nothing(kind)
    if turn % 4 == 1 and none is not None:
        return none
    span = zcltypes.bounds(kind)
    if span is None:
        return struct.unpack(
            "<f", struct.pack("<f", dice.choice((0, 0.5, dice.uniform(-1e3, 1e3), dice.uniform(0, 1e9))))
        )[0]
    return dice.choice((dice.randrange(101), dice.randint(*span), *span) if turn % 4 == 3 else (1, dice.randrange(101)))


def tell(ready: Bench, device: VirtualDevice, values: Values, number: Iterator[int]) -> None:
    """Let a device report: one frame for each cluster, as far as they fit."""
    frames: dict[tuple[int, int, int], Values] = {}
    for place, raw in values:
        its = place.told.endpoint, place.told.cluster, place.points[0].manufacturer
        frames.setdefault(its, []).append((place, raw))
    for (endpoint, cluster, code), told in frames.items():
        for some in itertools.batched(told, 6, strict=False):
            head = struct.pack("<BH", 0x1C, code) if code else b"\x18"
            records = b"".join(
                struct.pack("<HB", place.told.attribute, place.told.kind) + zcltypes.encode(place.told.kind, raw)
                for place, raw in some
            )
            frame = head + bytes([next(number) % 256, 0x0A]) + records
            ready.radio.carry(device, ApsFrame(HOME_AUTOMATION, cluster, endpoint, 1, 0, 0, 0), frame)


@pytest.mark.skipif(not CHOSEN, reason="there is no such collection here")
@pytest.mark.timeout(300)
async def test_reports_over_the_air_are_told_rightly(tmp_path: Path) -> None:
    dice, number, nothings = random.Random(1), itertools.count(), 0
    async with bench(tmp_path, quirks=False) as ready:
        await ready.open_pairing()
        devices = [ready.radio.add_described(one, f"Device {name}") for name, one in enumerate(DESCRIPTIONS)]
        for device in devices:
            ready.radio.join(device)
            await eventually(lambda device=device: is_over(ready, device), 60.0, "it is configured")  # type: ignore[misc]
        heard = [
            [place for place in places if is_heard(ready, device, place)]
            for device, places in zip(devices, CHOSEN, strict=True)
        ]
        assert heard == CHOSEN
        for turn in range(TURNS):
            told = [[(one, raw_of(one.told.kind, turn, dice)) for one in places] for places in heard]
            nothings += sum(is_nothing(place.told.kind, raw) for values in told for place, raw in values)
            for device, values in zip(devices, told, strict=True):
                tell(ready, device, values, number)

            def wrong(told: list[Values] = told) -> list[str]:
                return [
                    text
                    for device, values in zip(devices, told, strict=True)
                    for text in wrong_on(ready, device, values)
                ]

            with suppress(AssertionError):  # it would not say what
                await eventually(lambda: not wrong(), 10.0)
            assert wrong() == []
        assert nothings > 3 * len(devices)


def is_over(ready: Bench, device: VirtualDevice) -> bool:
    return bool((steps := ready.steps(device)) and steps[-1].step == "configured")


def is_heard(ready: Bench, device: VirtualDevice, place: Place) -> bool:
    known = ready.plugin.roster.known[id_of(device).removeprefix("zigbee-")]
    return all(known.feature(point.key) is not None for point in place.points)


def wrong_on(ready: Bench, device: VirtualDevice, values: Values) -> list[str]:
    known = ready.plugin.roster.known[id_of(device).removeprefix("zigbee-")]
    return wrong_of(known, ready.hub.state, values, kept=True)
