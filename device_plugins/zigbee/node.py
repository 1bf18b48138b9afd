"""One device of zigpy's, in plain data and with the errors of the vocabulary."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import zigpy.exceptions
import zigpy.types as t
from bellows.ash import AshException
from zigpy.zcl.helpers import ReportingConfig

from device_plugins.sdk import CommandTimeoutError, DeviceError, InvalidValueError, UnreachableError, UnsupportedError
from device_plugins.zigbee.diagnose import diagnose
from device_plugins.zigbee.hearing import REPORTED_EVENTS, Listener, answered, asking, reported
from device_plugins.zigbee.mapping import IAS_ZONE, Endpoint, Facts, Report, Send, Signature, Write, own_of
from device_plugins.zigbee.mapping.signature import Raw
from device_plugins.zigbee.mapping.status import SUCCESS, UNSUPPORTED_ATTRIBUTE, refusal
from device_plugins.zigbee.network import BusyError, Ears, Wishes
from device_plugins.zigbee.own import knows, read_own, report_own, write_own
from device_plugins.zigbee.quirks.extras import converters_of, extras_of, hidden_of, is_local, quirk_of
from device_plugins.zigbee.quirks.setup import binds_of, has_steps, is_left_alone, take_steps
from device_plugins.zigbee.quirks.triggers import presses_of
from hub.api import Undo

_CIE_ADDRESS, _ENROLL_RESPONSE = 0x0010, 0x00
_ENROLLED, _ZONE_ID = 0, 0
_ANSWERED_EVENTS = ("attribute_read", "attribute_updated")
# zigpy sends again this often before it gives up; the stick itself retries each time.
_RETRIES = 1
_READ_AGAIN = 2
# A quirk may ask one thing after the other of a device that sleeps.
_STEPS_LIMIT = 30.0
# How bellows says that the stick took no more frames.
_NOT_SENT = "Failed to enqueue"


def hex_of(address: Iterable[int]) -> str:
    """An address of eight little-endian bytes as 16 hex digits, most significant first."""
    return bytes(reversed([*address])).hex()


def address_of(ieee: str) -> t.EUI64:
    """Undo `hex_of`."""
    return t.EUI64(reversed(bytes.fromhex(ieee)))


class ZigpyNode:
    """Wraps a zigpy device; see `network.Node`."""

    def __init__(self, device: Any) -> None:  # noqa: ANN401 - zigpy's device, whose types are partial
        self.device = device
        self.ieee = hex_of(device.ieee)
        self.id = f"zigbee-{self.ieee}"
        self._unheard: list[Callable[[], None]] = []
        self._converters: dict[tuple[int, str], Callable[[Any], Any]] | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether its quirk is not there yet."""
        is_waiting: bool = self.device.application.is_waiting(self.device.ieee)
        return is_waiting

    async def ready(self) -> None:
        """Return when its quirk is there, if it has any."""
        if self.is_waiting:
            await self.device.application.complete()

    def renew(self, device: Any) -> None:  # noqa: ANN401 - zigpy's device
        """Go on with the device that has its quirk now, and hear it."""
        self.device = device
        self._converters = None
        while self._unheard:
            self._unheard.pop(0)()

    @property
    def lqi(self) -> int | None:
        """Link quality of the last message."""
        return None if self.device.lqi is None else int(self.device.lqi)

    @property
    def rssi(self) -> int | None:
        """Signal strength of the last message."""
        return None if self.device.rssi is None else int(self.device.rssi)

    def signature(self) -> Signature:
        """What the interview learned."""
        device = self.device
        return Signature(
            manufacturer=str(device.manufacturer or "").strip("\0 "),
            model=str(device.model or "").strip("\0 "),
            endpoints=tuple(
                Endpoint(
                    id=int(endpoint.endpoint_id),
                    profile=int(endpoint.profile_id or 0),
                    device_type=int(endpoint.device_type or 0),
                    inputs=tuple(int(cluster) for cluster in endpoint.in_clusters),
                    outputs=tuple(int(cluster) for cluster in endpoint.out_clusters),
                )
                for endpoint in device.non_zdo_endpoints
            ),
            mains=bool(device.node_desc and device.node_desc.is_receiver_on_when_idle),
            quirk=quirk_of(device),
            extras=extras_of(device),
            hidden=hidden_of(device),
            presses=presses_of(device),
        )

    def wishes(self) -> Wishes:
        """What its quirk wants of its configuration."""
        return Wishes(is_left_alone(self.device), binds_of(self.device), has_steps(self.device))

    def converted(self, endpoint: int, name: str, raw: Raw) -> Raw | None:
        """What the quirk's own function makes of a value; None for nothing.

        Raises ValueError when it fails.
        """
        if self._converters is None:
            self._converters = converters_of(self.device)
        if (convert := self._converters.get((endpoint, name))) is None:
            raise ValueError("its quirk has no function for it any more")
        try:
            value = convert(raw)
        except Exception as error:
            raise ValueError(f"its quirk failed: {type(error).__name__}: {error}") from error
        return None if value is None else _plain(value)

    def diagnose(self, facts: Facts) -> dict[str, Any]:
        """What a maintainer needs to know, as JSON."""
        return diagnose(self.device, facts)

    def listen(self, told: Iterable[tuple[int, int, bool]], sent: Iterable[tuple[int, int]], ears: Ears) -> Undo:
        """Hear attributes and commands of (endpoint, cluster, whether an output), and commands of outputs."""
        undos: list[Callable[[], None]] = []

        def begin() -> None:
            undos.extend(self._listen(told, sent, ears))

        def undo() -> None:
            if begin in self._unheard:
                self._unheard.remove(begin)
            while undos:
                undos.pop()()

        if self.is_waiting:
            self._unheard.append(begin)
        else:
            begin()
        return undo

    def _listen(
        self, told: Iterable[tuple[int, int, bool]], sent: Iterable[tuple[int, int]], ears: Ears
    ) -> Iterator[Callable[[], None]]:
        commanded = {(endpoint, number, True) for endpoint, number in sent}
        places = {*self._places()}
        presses = presses_of(self.device)
        if presses:  # its quirk may speak of any cluster
            commanded |= places
        tell = answered(ears)
        # A place that a quirk made is gone when quirks are switched off, or the quirk is another one now.
        for endpoint, number, output in (place for place in told if place in places):
            cluster = self._cluster(endpoint, number, output=output)
            yield cluster.on_event("attribute_report", ears.heard)
            yield from [cluster.on_event(name, tell) for name in _ANSWERED_EVENTS]
            if not output:
                commanded.add((endpoint, number, False))
        if (fast := getattr(self.device.application, "fast", None)) is not None:  # only bellows has it
            yield fast.listen(self.device, ears, self.ieee)
        for endpoint, number, output in commanded & places:
            cluster = self._cluster(endpoint, number, output=output)
            listener = Listener(cluster, ears)
            yield _listen(cluster, listener)
            if output and presses:
                yield from [cluster.on_event(name, listener.attribute_told) for name in REPORTED_EVENTS]

    def _places(self) -> Iterator[tuple[int, int, bool]]:
        for endpoint in self.device.non_zdo_endpoints:
            yield from ((int(endpoint.endpoint_id), int(number), False) for number in endpoint.in_clusters)
            yield from ((int(endpoint.endpoint_id), int(number), True) for number in endpoint.out_clusters)

    async def read(
        self, endpoint: int, cluster: int, attributes: Iterable[int], *, background: bool = False, output: bool = False
    ) -> tuple[dict[int, Raw], set[int]]:
        """Values by attribute, and the attributes it does not have; what is reported meanwhile is read again."""
        await self.ready()
        target = self._cluster(endpoint, cluster, output=output)
        wanted = [*attributes] if self.is_on_air(endpoint, target) else []
        if not wanted:
            return {}, set()
        with reported(self.device, target) as late:
            values, missing = await self._read(target, wanted, background=background)
            for _ in range(_READ_AGAIN):
                if not (again := [attribute for attribute in wanted if (endpoint, cluster, attribute) in late]):
                    break
                late.clear()
                with suppress(DeviceError):  # it has told its value by itself
                    values |= (await self._read(target, again, background=background))[0]
        return values, missing

    async def _read(
        self,
        target: Any,  # noqa: ANN401 - zigpy's cluster
        wanted: list[int],
        *,
        background: bool,
    ) -> tuple[dict[int, Raw], set[int]]:
        own = self._own(int(target.cluster_id))
        known = [attribute for attribute in wanted if knows(target, attribute, own(attribute))]
        options: dict[str, Any] = {"retries": _RETRIES, "priority": t.PacketPriority.LOW if background else None}
        values: dict[Any, Any] = {}
        failures: dict[Any, Any] = {}
        with self.told():
            if known:
                values, failures = await target.read_attributes(known, **options)
            for manufacturer, numbers in _by_code(own, wanted, known).items():
                more, lacking = await read_own(target, numbers, manufacturer, options)
                values |= more
                failures |= lacking
        missing = {int(number) for number, status in failures.items() if status == UNSUPPORTED_ATTRIBUTE}
        if is_local(target):
            missing.clear()
        return {int(number): _plain(value) for number, value in values.items() if value is not None}, missing

    def _own(self, cluster: int) -> Callable[[int], tuple[int, int] | None]:
        """What the mapping knows of a cluster's attributes: see `own_of`."""
        signature = self.signature()
        return lambda attribute: own_of(cluster, attribute, signature)

    async def bind(self, endpoint: int, cluster: int, *, output: bool = False) -> None:
        """Have the cluster's messages sent to the coordinator."""
        await self.ready()
        target = self._cluster(endpoint, cluster, output=output)
        if not self.is_on_air(endpoint, target):
            return
        with self.told(), self._quirked():
            answer = await target.bind()
        if answer[0] != SUCCESS:
            raise refusal(int(answer[0]), self.id)

    async def configure_reporting(self, endpoint: int, cluster: int, reports: Mapping[int, Report]) -> dict[int, str]:
        """Have attributes reported; returns why, for those it would not."""
        await self.ready()
        target = self._cluster(endpoint, cluster)
        if not self.is_on_air(endpoint, target):
            return {}
        own = self._own(cluster)
        known = {attribute for attribute in reports if knows(target, attribute, own(attribute))}
        wanted: dict[Any, Any] = {
            target.find_attribute(attribute): ReportingConfig(
                min_interval=report.least,
                max_interval=report.most,
                reportable_change=_plain_change(report.change),
            )
            for attribute, report in reports.items()
            if attribute in known
        }
        numbers: dict[int, int] = {}
        with self.told():
            if wanted:
                statuses = await target.configure_reporting_multiple(wanted)
                numbers = {int(attribute.id): int(status) for attribute, status in statuses.items()}
            for attribute, report in reports.items():
                if attribute not in known and (how := own(attribute)):
                    numbers[attribute] = await report_own(target, attribute, how, report)
        return {attribute: str(refusal(status, self.id)) for attribute, status in numbers.items() if status != SUCCESS}

    async def enroll(self, endpoint: int) -> None:
        """Make the coordinator the zone's alarm panel: write its address, and enroll unasked, which most zones take."""
        await self.ready()
        target = self._cluster(endpoint, IAS_ZONE)
        with self.told():
            await target.write_attributes({_CIE_ADDRESS: self.device.application.state.node_info.ieee})
        await self.answer_enroll(endpoint)

    async def answer_enroll(self, endpoint: int) -> None:
        """Accept a zone's request to be enrolled."""
        await self.ready()
        target = self._cluster(endpoint, IAS_ZONE)
        with self.told():
            await target.command(_ENROLL_RESPONSE, _ENROLLED, _ZONE_ID, expect_reply=False)

    async def take_steps(self) -> None:
        """Have its quirk do what it does to configure the device."""
        await self.ready()
        with self.told(), self._quirked():
            async with asyncio.timeout(_STEPS_LIMIT):
                await take_steps(self.device)

    async def ready_for(self, endpoint: int, request: Send | Write) -> None:
        """Return at once."""

    async def carry_out(self, endpoint: int, request: Send | Write) -> None:
        """Command or write, and return when the device has confirmed."""
        await self.ready()
        target = self._cluster(endpoint, request.cluster)
        with self.told():
            if isinstance(request, Send):
                answer = await target.command(request.command, *request.payload, retries=_RETRIES)
                status = int(getattr(answer, "status", SUCCESS))
            else:
                status = await self._write(target, request)
        if status != SUCCESS:
            raise refusal(status, self.id)

    def is_on_air(self, endpoint: int, cluster: Any) -> bool:  # noqa: ANN401 - zigpy's cluster
        """Whether there is anybody to ask: a quirk may have added the endpoint, and tells its values by itself."""
        told = (self.device.original_signature or {}).get("endpoints")
        return not told or endpoint in told or is_local(cluster)

    async def _write(self, target: Any, request: Write) -> int:  # noqa: ANN401 - zigpy's cluster
        if request.kind and not knows(target, request.attribute, (request.kind, request.manufacturer)):
            return await write_own(target, request, retries=_RETRIES)
        records = await target.write_attributes(
            {request.attribute: request.value}, update_cache=False, retries=_RETRIES
        )
        return max((int(record.status) for record in records[0]), default=SUCCESS)

    def _cluster(self, endpoint: int, cluster: int, *, output: bool = False) -> Any:  # noqa: ANN401 - zigpy's cluster
        try:
            place = self.device.endpoints[endpoint]
            return (place.out_clusters if output else place.in_clusters)[cluster]
        except KeyError:
            message = f"{self.id} has no cluster 0x{cluster:04X} on endpoint {endpoint}"
            raise UnsupportedError(message, device=self.id) from None

    @contextmanager
    def _quirked(self) -> Iterator[None]:
        """Turn what a faulty quirk raises into an error of its device's."""
        try:
            yield
        except FAULTS:
            raise
        except Exception as error:
            raise DeviceError(f"its quirk failed: {type(error).__name__}: {error}", device=self.id) from error

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn what zigpy, bellows and the port raise into the vocabulary's errors; no press is told meanwhile."""
        try:
            with asking():
                yield
        except DeviceError:
            raise
        except TimeoutError as error:
            message = f"{self.id} did not confirm in time; it may be asleep or out of reach"
            raise CommandTimeoutError(message, device=self.id) from error
        except zigpy.exceptions.DeliveryError as error:
            if str(error).startswith(_NOT_SENT):
                raise BusyError(f"the stick is too busy to reach {self.id}", device=self.id) from error
            raise UnreachableError(f"{self.id} does not answer; is it powered?", device=self.id) from error
        except zigpy.exceptions.ParsingError as error:
            raise DeviceError(f"{self.id} gave an answer that cannot be read", device=self.id) from error
        except (ValueError, KeyError) as error:
            raise InvalidValueError(f"{self.id} cannot be sent that: {error}", device=self.id) from error
        except FAULTS as error:
            message = f"talking to {self.id} failed: {str(error) or type(error).__name__}"
            raise UnreachableError(message, device=self.id) from error


FAULTS = (
    OSError,
    TimeoutError,
    ValueError,
    RuntimeError,
    AssertionError,
    AttributeError,
    AshException,
    zigpy.exceptions.ZigbeeException,
    zigpy.exceptions.RadioException,
)
"""What zigpy, bellows and the port raise when the radio fails; AttributeError when it is closed under a call."""


def _listen(cluster: Any, listener: Listener) -> Callable[[], None]:  # noqa: ANN401 - zigpy's cluster
    cluster.add_listener(listener)
    return lambda: cluster.remove_listener(listener)


def _by_code(own: Callable[[int], tuple[int, int] | None], wanted: list[int], known: list[int]) -> dict[int, list[int]]:
    """The attributes that only the mapping knows, by manufacturer code."""
    found: dict[int, list[int]] = {}
    for attribute in wanted:
        if attribute not in known and (how := own(attribute)) is not None:
            found.setdefault(how[1], []).append(attribute)
    return found


def _plain_change(change: float) -> Any:  # noqa: ANN401 - zigpy wants an int even where the type is a float
    return change if change % 1 else int(change)


def _plain(value: Any) -> Raw:  # noqa: ANN401 - zigpy's types
    match value:
        case int():
            return int(value)
        case float():
            return float(value)
        case bytes():
            return bytes(value)
    return str(value)
