"""What is fuzzed: one target a parser, with what to feed it and what must hold after each case."""

import abc
import asyncio
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, override

from hypothesis import strategies as st

from device_plugins.virtual_radio import VirtualDevice, VirtualRadio, ash, catalogue, zcl
from device_plugins.virtual_radio.core import MAX_ENTRIES
from device_plugins.virtual_radio.device import ZDO_PROFILE
from device_plugins.virtual_radio.ezsp import Command, EzspCodec
from device_plugins.virtual_radio.link import MAX_QUEUE
from device_plugins.virtual_radio.mesh import MAX_OUTBOX, Parcel
from device_plugins.virtual_radio.wire import ApsFrame
from device_plugins.virtual_radio.zdo import Request
from device_plugins.zigbee.plugin import Zigbee
from hub.testing import HubInMemory, running

VERSIONS = (8, 13, 14, 18)
_PATIENCE_S = 60.0
# What a device may remember beside its attributes: scenes, datapoints, how a siren sounds.
_MOST_MEMORY = 64_000
_TEMPERATURE = 0x0402


class FuzzError(AssertionError):
    """Something that must hold does not."""


def hold(fact: object, what: str) -> None:
    """Raise FuzzError unless `fact` is true."""
    if not fact:
        raise FuzzError(what)


_operations = st.lists(
    st.tuples(st.sampled_from(["flip", "cut", "insert", "double", "drop"]), st.integers(0, 300), st.binary(max_size=6)),
    max_size=4,
)


def mutate(data: bytes, operations: list[tuple[str, int, bytes]]) -> bytes:
    """Change bytes at places counted from the start, over and over."""
    for kind, place, other in operations:
        at = place % (len(data) + 1)
        if kind == "flip" and other:
            data = data[:at] + other[:1] + data[at + 1 :]
        elif kind == "cut":
            data = data[:at]
        elif kind == "insert":
            data = data[:at] + other + data[at:]
        elif kind == "double":
            data = data[:at] + data[at : at + 8] * 2 + data[at + 8 :]
        elif kind == "drop":
            data = data[:at] + data[at + 1 :]
    return data


def mutated(whole: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Return a strategy of what is nearly one of these, what is one, and noise."""
    return st.builds(mutate, whole, _operations) | st.binary(max_size=140)


_acks = st.integers(0, 7)
_frames = st.one_of(
    st.builds(ash.Data, _acks, _acks, st.binary(min_size=3, max_size=120), retransmitted=st.booleans()),
    st.builds(ash.Ack, _acks),
    st.builds(ash.Nak, _acks),
    st.builds(ash.ResetAck),
    st.builds(ash.Failure, st.integers(0, 255)),
    st.just(ash.Reset()),
)
_lines: st.SearchStrategy[bytes] = st.lists(
    mutated(st.builds(ash.encode, _frames)) | st.just(b"\x1a") | st.just(b"\x7e"), max_size=4
).map(b"".join)

_general = st.sampled_from([*zcl.General]).map(int)
_zcl_frames = st.builds(
    zcl.Frame,
    st.integers(0, 255),
    _general | st.integers(0, 255),
    st.binary(max_size=60)
    | st.builds(
        lambda number, kind, value: number.to_bytes(2, "little") + bytes([kind]) + value,
        st.integers(0, 0x20) | st.integers(0, 0xFFFF),
        st.sampled_from((0x10, 0x18, 0x20, 0x21, 0x23, 0x25, 0x29, 0x30, 0x39, 0x41, 0x42, 0x48, 0x4C))
        | st.integers(0, 255),
        st.binary(max_size=40),
    ),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.none() | st.sampled_from((0x1037, 0x115F, 0x1234)),
)
_payloads = mutated(st.builds(zcl.Frame.encode, _zcl_frames))


class Target(abc.ABC):
    """One parser. `open` makes what is fuzzed, `hear` feeds it one case and checks it, `close` ends it."""

    name: str
    cases: st.SearchStrategy[Any]

    async def open(self) -> None:  # noqa: B027 - some need nothing
        """Make what is fuzzed."""

    @abc.abstractmethod
    async def hear(self, case: Any) -> None:  # noqa: ANN401 - as the strategy makes it
        """Feed one case; FuzzError, or whatever it raises, is a finding."""

    async def close(self) -> None:  # noqa: B027 - as above
        """End it."""


class _OnRadio(Target):
    """What works on virtual radios without a line."""

    def __init__(self) -> None:
        self.radios: dict[int, VirtualRadio] = {}

    @override
    async def open(self) -> None:
        self.radios = {version: VirtualRadio(version, latency=0.0) for version in VERSIONS}

    @override
    async def close(self) -> None:
        for radio in self.radios.values():
            await radio.close()


class AshBytes(_OnRadio):
    """Bytes of the serial line, into the radio."""

    name = "ash"
    cases = st.tuples(st.sampled_from(VERSIONS), st.lists(_lines, max_size=2))

    @override
    async def hear(self, case: tuple[int, list[bytes]]) -> None:
        """Whatever came, the link takes a reset and answers the next command."""
        version, chunks = case
        radio = self.radios[version]
        wire: list[bytes] = []
        link = radio.ncp.link
        link._write = wire.append  # noqa: SLF001 - a line that is a list
        for chunk in chunks:
            link.feed(chunk)
        hold(len(link._splitter._buffer) <= ash.MAX_RAW, "the splitter holds more than a frame")  # noqa: SLF001
        hold(len(link._queue) <= MAX_QUEUE, "the queue outgrows its limit")  # noqa: SLF001
        link.feed(bytes([ash.CANCEL]) + ash.encode(ash.Reset()))
        wire.clear()
        link.feed(ash.encode(ash.Data(0, 0, bytes([1, 0, 0, version]))))
        answers = [ash.decode(one[:-1]) for one in wire]
        told = [one.payload for one in answers if isinstance(one, ash.Data)]
        hold(told and told[0][3] == version, f"no answer to the version command after a reset: {answers}")
        await asyncio.sleep(0)


def _value(zero: object) -> st.SearchStrategy[Any]:
    """Return values of the kind of a packer's zero."""
    if isinstance(zero, bytes):
        return st.binary(min_size=len(zero), max_size=len(zero) or 20)
    if isinstance(zero, ApsFrame):
        words = st.integers(0, 0xFFFF) | st.sampled_from((0, 0x0104, 0x0006, 0x8000, 0x0300))
        return st.builds(
            ApsFrame, words, words, st.integers(0, 255), st.integers(0, 255), words, words, st.integers(0, 255)
        )
    if isinstance(zero, dict):
        return st.fixed_dictionaries({name: _value(one) for name, one in zero.items()})
    if isinstance(zero, list):
        return st.lists(st.integers(0, 255), max_size=4)
    return st.integers(0, 127)


def _commands() -> st.SearchStrategy[tuple[int, bytes]]:
    """Return a strategy of (version, EZSP frame): commands with arguments of the right kind, mutated, and noise."""
    choices: list[st.SearchStrategy[tuple[int, bytes]]] = []
    for version in VERSIONS:
        codec = EzspCodec(version)
        whole = [_encoded(codec, name, zeros) for name, zeros in codec.commands().items() if zeros is not None]
        frames = mutated(st.one_of(whole))
        choices.append(st.tuples(st.just(version), frames))
    return st.one_of(choices)


def _encoded(codec: EzspCodec, name: str, zeros: dict[str, Any]) -> st.SearchStrategy[bytes]:
    args = st.fixed_dictionaries({field: _value(zero) for field, zero in zeros.items()})

    def encode(sequence: int, given: dict[str, Any]) -> bytes:
        try:
            return codec.encode_command(Command(sequence, name, given))
        except ValueError:  # a list's items may be more than bytes
            return codec.encode_command(Command(sequence, name, zeros))

    return st.builds(encode, st.integers(0, 255), args)


class EzspFrames(_OnRadio):
    """EZSP commands, into the radio."""

    name = "ezsp"
    cases = st.deferred(lambda: st.lists(_commands(), min_size=1, max_size=3))

    @override
    async def open(self) -> None:
        await super().open()
        for radio in self.radios.values():
            radio.add("lamp-color", "Lamp")
            radio.ncp.link._write = lambda _: None  # noqa: SLF001 - a line that leads nowhere
            radio.ncp.link.restart(ash.RESET_SOFTWARE)

    @override
    async def hear(self, case: list[tuple[int, bytes]]) -> None:
        """Each frame is answered once, nothing outgrows its limit, and the radio still tells its version."""
        for version, frame in case:
            radio = self.radios[version]
            radio.ncp.link.restart(ash.RESET_SOFTWARE)
            before = radio.ncp.link.stats["sent"]
            radio.ncp.host_sent(frame)
            hold(radio.ncp.link.stats["sent"] == before + 1, "a command without exactly one answer")
        await asyncio.sleep(0)
        for version in {version for version, _ in case}:
            radio = self.radios[version]
            core = radio.ncp.core
            tables = (core.endpoints, core.config, core.values, core.policies, core.multicast, core.addresses)
            for table in (*tables, core.extended_timeouts, core.source_routes, core.transient_keys, core.nvm.tokens):
                hold(len(table) <= MAX_ENTRIES, "a table outgrows its limit")
            core.nvm.dump()


class DevicePayloads(_OnRadio):
    """ZCL and ZDO frames, into the virtual devices."""

    name = "devices"
    cases = st.lists(
        st.tuples(
            st.sampled_from([*catalogue.MODELS]),
            st.integers(0, 40),
            st.sampled_from((1, 1, 1, 255, 3)),
            st.none() | st.sampled_from([*Request]).map(int) | st.integers(0, 0xFFFF),
            _payloads,
        ),
        min_size=1,
        max_size=3,
    )

    def __init__(self) -> None:
        super().__init__()
        self.devices: dict[str, VirtualDevice] = {}

    @override
    async def open(self) -> None:
        await super().open()
        radio = self.radios[14]
        self.devices = {model: radio.add(model) for model in catalogue.MODELS}

    @override
    async def hear(self, case: list[tuple[str, int, int, int | None, bytes]]) -> None:
        """Each attribute stays a value of its type, and what a device remembers stays small."""
        for model, place, endpoint, request, payload in case:
            device = self.devices[model]
            its = device.endpoints[1]
            clusters = sorted({*its.clusters, *its.clients})
            number = clusters[place % len(clusters)] if request is None else request
            profile = 0x0104 if request is None else ZDO_PROFILE
            device.hear(ApsFrame(profile, number, 1, endpoint, 0, 0, 0), payload)
        await asyncio.sleep(0)
        for model in {one[0] for one in case}:
            device = self.devices[model]
            for cluster in device.endpoints[1].clusters.values():
                for attribute in cluster.attributes.values():
                    attribute.encode()
            hold(len(repr(device.memory)) < _MOST_MEMORY, "a device remembers too much")
            hold(len(device.outbox) <= MAX_OUTBOX, "a device has too much to send")


@dataclass(frozen=True, slots=True)
class _Sentinel:
    """A report that must come through: the device, and the state's path."""

    device: VirtualDevice
    path: str


class HubPayloads(Target):
    """ZCL frames of known devices, through an unmodified bellows and zigpy into the hub's Zigbee plugin."""

    name = "hub"
    cases = st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 40), st.sampled_from((1, 1, 1, 0, 242)), _payloads), max_size=4
    )

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._devices: list[VirtualDevice] = []
        self._turn = 0

    @override
    async def open(self) -> None:
        """Pair one device of each model that needs no code."""
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="fuzz-"))
        self._radio = VirtualRadio(14, latency=0.0)
        self._stack.push_async_callback(self._radio.close)
        self._hub: HubInMemory = await self._stack.enter_async_context(running(data_dir=Path(folder)))

        async def announce(device: Any) -> None:  # noqa: ANN401 - a device of the vocabulary
            del device

        self._hub.offer("devices.announce", announce)
        await self._hub.run(Zigbee, {"path": self._radio.open_pty(), "start_wait": _PATIENCE_S})
        self._stack.push_async_callback(self._stop)
        await self._hub.call("zigbee.pair", session="fuzz", duration=200.0)
        for model, made in catalogue.MODELS.items():
            if not made.install_code:
                await self._pair(model)

    async def _stop(self) -> None:
        await self._hub.stop("zigbee")

    async def _pair(self, model: str) -> None:
        device = self._radio.add(model)
        self._devices.append(device)
        self._radio.join(device)
        own = f"zigbee-{device.ieee.replace(':', '')}"

        def is_configured() -> bool:
            steps = [event.data for event in self._hub.events_of("devices.pairing")]
            return any((step.device, step.step) == (own, "configured") for step in steps)

        await _until(is_configured, f"{model} is paired")
        if model == "climate":
            self._sentinel = _Sentinel(device, f"device/{own}/temperature")

    @override
    async def hear(self, case: list[tuple[int, int, int, bytes]]) -> None:
        """A sound report comes through afterwards, and no fault of a handler was noted."""
        for which, place, endpoint, payload in case:
            device = self._devices[which % len(self._devices)]
            its = device.endpoints[1]
            clusters = sorted({*its.clusters, *its.clients})
            cluster = clusters[place % len(clusters)]
            self._radio.ncp.take(device, Parcel(ApsFrame(0x0104, cluster, endpoint, 1, 0, 0, 0), payload))
        self._turn += 1
        centi = 1000 + self._turn % 2000
        report = zcl.Frame(
            self._turn % 256, zcl.General.REPORT, b"\x00\x00\x29" + centi.to_bytes(2, "little"), to_client=True
        )
        aps = ApsFrame(0x0104, _TEMPERATURE, 1, 1, 0, 0, 0)
        self._radio.ncp.take(self._sentinel.device, Parcel(aps, report.encode()))
        hub = self._hub
        await _until(lambda: hub.state.get(self._sentinel.path) == centi / 100, "a sound report comes through")
        hold(hub.errors == [], f"a handler failed: {hub.errors}")

    @override
    async def close(self) -> None:
        """Stop the hub and the radio."""
        await self._stack.aclose()


async def _until(holds: Callable[[], object], what: str) -> None:
    deadline = asyncio.get_running_loop().time() + _PATIENCE_S
    while not holds():
        hold(asyncio.get_running_loop().time() < deadline, f"never came true: {what}")
        await asyncio.sleep(0.0005)


TARGETS: dict[str, Callable[[], Target]] = {
    target.name: target for target in (AshBytes, EzspFrames, DevicePayloads, HubPayloads)
}
