"""Pairing and leaving, with the real driver: S2 with the right and a wrong PIN, none at all, QR codes, exclusion."""

import asyncio
import hashlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from device_plugins.sdk import InvalidValueError, PairingError, PairingStep
from hub.api import Event
from tests.device_plugins.zwave.bench import SWITCH, Bench, bench, id_of
from tests.harness.waiting import eventually

pytestmark = pytest.mark.zwave_js

NEW = 11
S2 = [2, 1]  # access control, authenticated


class Pairing:
    """A bench whose pairing steps are kept."""

    def __init__(self, ready: Bench) -> None:
        self.bench = ready
        self.steps: list[PairingStep] = []
        ready.hub.events.subscribe("devices.pairing", self._hear)

    async def _hear(self, event: Event) -> None:
        self.steps.append(event.data)

    async def open(self, duration: float = 600.0, **inputs: str) -> None:
        await self.bench.hub.call("zwave.pair", timeout=60.0, session="s1", duration=duration, inputs=inputs or None)

    async def bring(self, **values: str) -> None:
        await self.bench.hub.call("zwave.pair_input", timeout=60.0, values=values)

    async def comes(self, step: str, node: int = NEW, within: float = 60.0) -> PairingStep:
        def found() -> list[PairingStep]:
            return [one for one in self.steps if one.step == step and one.device in {"", id_of(node)}]

        await self.bench.in_time(found, f"the step {step} comes; there are {self.steps}", within)
        return found()[-1]

    async def pin(self) -> str:
        joining: dict[str, Any] = await self.bench.mock.ask("joining")
        return str(joining["pin"])

    @property
    def names(self) -> list[str]:
        return [one.step for one in self.steps]


@pytest.fixture
async def pairing(tmp_path: Path) -> AsyncIterator[Pairing]:
    async with bench(tmp_path) as ready:
        await ready.interviewed(SWITCH)
        yield Pairing(ready)


async def test_a_device_without_encryption_joins_and_another_after_it(pairing: Pairing) -> None:
    await pairing.bench.mock.ask("pending", node=NEW)
    await pairing.open()
    done = await pairing.comes("configured")
    assert done.device == id_of(NEW)
    assert pairing.names[:1] == ["joined"]
    assert "interviewing" in pairing.names
    await pairing.bench.mock.ask("pending", node=NEW + 1)
    await pairing.comes("configured", NEW + 1)
    await pairing.bench.command(NEW + 1, "on_off", "on")


async def test_s2_asks_for_the_pin_and_the_device_is_encrypted(pairing: Pairing) -> None:
    await pairing.bench.mock.ask("pending", node=NEW, s2=S2)
    await pairing.open()
    asked = await pairing.comes("needs_input")
    assert list(asked.inputs) == ["pin"]
    with pytest.raises(InvalidValueError, match="first five digits"):
        await pairing.bring(pin="1234")
    await pairing.bring(pin=await pairing.pin())
    await pairing.comes("configured")
    state = pairing.bench.plugin.ready_network().node(NEW)
    assert state is not None
    assert state.facts.secure
    await pairing.bench.command(NEW, "on_off", "on")
    await pairing.bench.becomes(NEW, "on_off", True)


async def test_a_wrong_pin_is_said_and_the_device_taken_out_for_another_try(pairing: Pairing) -> None:
    await pairing.bench.mock.ask("pending", node=NEW, s2=S2)
    await pairing.open()
    await pairing.comes("needs_input")
    await pairing.bring(pin="00001")
    failed = await pairing.comes("failed")
    assert "PIN is wrong" in failed.reason
    asked = await pairing.comes("needs_input")
    assert list(asked.inputs) == ["remove"]
    with pytest.raises(InvalidValueError, match="yes or no"):
        await pairing.bring(remove="perhaps")
    await pairing.bring(remove="yes")
    await pairing.bench.mock.ask("exclude", node=NEW)
    await pairing.comes("waiting")
    assert id_of(NEW) not in pairing.bench.announced


async def test_a_session_cancelled_at_the_pin_says_what_it_leaves_and_the_next_offers_to_take_it_out(
    pairing: Pairing,
) -> None:
    ready = pairing.bench
    await ready.mock.ask("pending", node=NEW, s2=S2)
    await pairing.open()
    await pairing.comes("needs_input")
    await ready.hub.call("zwave.pair_cancel", timeout=60.0)
    failed = await pairing.comes("failed")
    assert failed.device == id_of(NEW)
    assert "without encryption" in failed.reason
    network = ready.plugin.ready_network()
    await ready.in_time(lambda: network.node(NEW), "it is in the network", 90.0)

    await ready.stop()
    await ready.start()
    pairing.steps.clear()
    await pairing.open()
    asked = await pairing.comes("needs_input")
    assert (asked.device, list(asked.inputs)) == (id_of(NEW), ["remove"])
    await pairing.bring(remove="yes")
    await ready.mock.ask("exclude", node=NEW)
    await ready.in_time(lambda: "It is out of the network" in pairing.steps[-1].reason, "it is taken out")
    await ready.hub.call("zwave.pair_cancel", timeout=60.0)
    pairing.steps.clear()
    await ready.mock.ask("pending", node=NEW + 1)
    await pairing.open()
    await pairing.comes("configured", NEW + 1)
    assert "needs_input" not in pairing.names


async def test_a_network_that_opens_after_its_session_was_given_up_is_closed(pairing: Pairing) -> None:
    ready, told = pairing.bench, list[str]()
    ready.plugin.roster.heard.append(lambda event, _data: told.append(event))
    os.kill(ready.plugin.sidecar.pid, signal.SIGSTOP)
    opening = asyncio.ensure_future(pairing.open())  # noqa: TID251 - a test's own
    await eventually(lambda: ready.plugin.session == "s1", 5.0, "the session begins")
    for _ in range(10):
        await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert "inclusion started" not in told
    os.kill(ready.plugin.sidecar.pid, signal.SIGCONT)
    await ready.in_time(lambda: "inclusion stopped" in told, "the network is closed")
    assert told.index("inclusion started") < told.index("inclusion stopped")
    await ready.mock.ask("pending", node=NEW)
    await pairing.open()
    await pairing.comes("configured")


async def test_a_pin_that_is_brought_beforehand_is_not_asked_for(pairing: Pairing) -> None:
    label = await pairing.bench.mock.ask("pending", node=NEW, s2=S2)
    await pairing.open(pin=label)
    await pairing.comes("configured")
    assert "needs_input" not in pairing.names
    state = pairing.bench.plugin.ready_network().node(NEW)
    assert state is not None
    assert state.facts.secure


def qr_text(version: int, dsk: str, keys: int) -> str:
    """A QR code's text by the Node Provisioning QR Code Format (S2): lead-in, version, checksum, keys, key, type."""
    kind, product = "00" + "10" + f"{0x1001:05}{0x0001:05}", "02" + "20" + "00003" + "00004" + "00005" + "00006"
    content = f"{keys:03}{dsk.replace('-', '')}{kind}{product}"
    checksum = int.from_bytes(hashlib.sha1(content.encode()).digest()[:2])  # noqa: S324 - the format's
    return f"90{version:02}{checksum:05}{content}"


DSK = "11111-22222-33333-44444-55555-01234-00567-65535"


async def test_a_smart_start_code_is_listed_until_it_is_forgotten(pairing: Pairing) -> None:
    hub = pairing.bench.hub
    await pairing.open(qr_code=qr_text(1, DSK, 0x87))
    waiting = await pairing.comes("waiting")
    assert "joins by itself" in waiting.reason
    (expected,) = await hub.call("zwave.smart_start", timeout=30.0)
    assert (expected.dsk, expected.active, expected.device) == (DSK, True, "")
    await hub.call("zwave.smart_start_forget", timeout=30.0, dsk=DSK)
    assert await hub.call("zwave.smart_start", timeout=30.0) == []


async def test_the_code_of_a_device_without_smart_start_opens_the_network_and_spares_the_pin(pairing: Pairing) -> None:
    ready = pairing.bench
    code = qr_text(0, DSK, 0x87)
    with pytest.raises(InvalidValueError, match="no Z-Wave QR code"):
        await pairing.open(qr_code=code[:4] + f"{(int(code[4:9]) + 1) % 65536:05}" + code[9:])
    label = await ready.mock.ask("pending", node=NEW, s2=S2)
    await pairing.open(qr_code="")
    asked = await pairing.comes("needs_input")
    assert list(asked.inputs) == ["qr_code"]
    assert await ready.mock.ask("joining") is None
    await pairing.bring(qr_code=qr_text(0, label, 0x06))
    await pairing.comes("configured")
    assert pairing.names.count("needs_input") == 1
    state = ready.plugin.ready_network().node(NEW)
    assert state is not None
    assert state.facts.secure


async def test_what_no_session_takes_is_refused(pairing: Pairing) -> None:
    with pytest.raises(PairingError, match="takes pin, qr_code"):
        await pairing.open(install_code="1234")
    with pytest.raises(InvalidValueError, match="no Z-Wave QR code"):
        await pairing.open(qr_code="not a code")
    with pytest.raises(InvalidValueError, match="security is one of"):
        await pairing.open(security="high")
