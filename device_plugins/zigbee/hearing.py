"""What a cluster receives, on its way to a device's ears: commands, and what a quirk makes of them."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from device_plugins.zigbee.mapping.presses import Said
from device_plugins.zigbee.network import Ears
from device_plugins.zigbee.quirks.triggers import command_name, has_command, plain

# An update is what a quirk made of a report, or of an answer.
REPORTED_EVENTS = ("attribute_report", "attribute_updated")

type Place = tuple[int, int, int]
"""Endpoint, cluster and attribute."""

# Set where a device is asked something, and so for all that zigpy and a quirk do with the answer.
_ASKING: ContextVar[bool] = ContextVar("asking", default=False)
# Set where a device is read: the attributes that it has reported meanwhile.
_REPORTED: ContextVar[set[Place]] = ContextVar("reported", default=set())  # noqa: B039 - nobody writes to this one


@contextmanager
def asking() -> Iterator[None]:
    """Within this, what quirks say is no press: the state that a button was left in is not pressed when it is read."""
    before = _ASKING.set(True)
    try:
        yield
    finally:
        _ASKING.reset(before)


@contextmanager
def reported(device: Any, cluster: Any) -> Iterator[set[Place]]:  # noqa: ANN401 - zigpy's
    """The attributes of a cluster that its device reports meanwhile; what it answers of them is not told (`answered`).

    An answer is told a little after it came, so a report may have come before or after it. Who takes an attribute out
    of the set is to read it again.
    """
    found: set[Place] = set()

    def note(event: Any) -> None:  # noqa: ANN401 - zigpy's
        if not _ASKING.get():
            found.add(_place(event))

    undos = [cluster.on_event(name, note) for name in REPORTED_EVENTS]
    before = _REPORTED.set(found)
    try:
        # Of a device that is awaited, no report takes the quick way.
        with device.application.callback_for_response(device, [], lambda _header, _command: None):
            yield found
    finally:
        _REPORTED.reset(before)
        found.clear()  # a timer that was started meanwhile has it still
        for undo in undos:
            undo()


def answered(ears: Ears) -> Callable[[Any], None]:
    """What passes the answers of zigpy's on, but for those that a report has overtaken."""

    def tell(event: Any) -> None:  # noqa: ANN401 - zigpy's
        if _place(event) not in _REPORTED.get():
            ears.heard(event)

    return tell


def _place(event: Any) -> Place:  # noqa: ANN401 - zigpy's
    return int(event.endpoint_id), int(event.cluster_id), int(event.attribute_id)


class Listener:
    """A zigpy listener for a cluster's received commands, and for the words of its quirk."""

    def __init__(self, cluster: Any, ears: Ears) -> None:  # noqa: ANN401 - zigpy's cluster
        self._cluster, self._ears = cluster, ears
        self._place = int(cluster.endpoint.endpoint_id), int(cluster.cluster_id)
        self._is_told = False

    def cluster_command(self, tsn: int, command: int, fields: Any) -> None:  # noqa: ANN401 - a zigpy schema or bytes
        """Pass it on with its fields as a tuple, and by names unless the quirk has told of it just now."""
        del tsn
        payload = () if isinstance(fields, bytes) else tuple(fields)
        said = Said(*self._place, command_name(self._cluster, int(command)), *plain(fields))
        is_told, self._is_told = self._is_told, False
        self._ears.received(*self._place, int(command), payload, None if is_told else said)

    def zha_send_event(self, command: str, told: Any) -> None:  # noqa: ANN401 - see `plain`
        """Pass on the quirk's word for it; what is but the name of the command follows by itself."""
        if _ASKING.get() or has_command(self._cluster, command):
            return
        if not self._ears.pressed(Said(*self._place, command, *plain(told))):
            return
        # A quirk speaks before the command itself is told, in the same turn of the loop; after a report none is told.
        self._is_told = True
        asyncio.get_running_loop().call_soon(self._forget)

    def attribute_told(self, event: Any) -> None:  # noqa: ANN401 - zigpy's
        """Pass on what a client reports by the name that zha gives it: some quirks make presses of that."""
        if _ASKING.get():
            return
        name = event.attribute_name or "Unknown"
        told = {"attribute_id": event.attribute_id, "attribute_name": name, "value": event.value}
        self._ears.pressed(Said(*self._place, "attribute_updated", *plain(told)))

    def _forget(self) -> None:
        self._is_told = False
