"""Pairing and leaving, with the real driver: S2 with the right and a wrong PIN, none at all, QR codes, exclusion."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from device_plugins.sdk import InvalidValueError, PairingError, PairingStep
from hub.api import Event
from tests.device_plugins.zwave.bench import SWITCH, Bench, bench, id_of

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


async def test_what_no_session_takes_is_refused(pairing: Pairing) -> None:
    with pytest.raises(PairingError, match="takes pin, qr_code"):
        await pairing.open(install_code="1234")
    with pytest.raises(InvalidValueError, match="no Z-Wave QR code"):
        await pairing.open(qr_code="not a code")
    with pytest.raises(InvalidValueError, match="security is one of"):
        await pairing.open(security="high")
