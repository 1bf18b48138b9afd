"""One device: where its components' status stands, and how it is called."""

from collections.abc import Callable
from typing import Any

import msgspec

from device_plugins.mqtt.conventions.parts import Parts
from device_plugins.mqtt.conventions.taking import Convert, as_it_is, at
from device_plugins.mqtt.description import NOTHING, Encode, Message, Reading, Take
from device_plugins.sdk import ButtonPressed

_CALL = 3
_EVENTS = {
    "btn_down": "press",
    "btn_up": "release",
    "single_push": "single",
    "double_push": "double",
    "triple_push": "triple",
    "long_push": "hold",
}


_EVENTS_TOLD = at(as_it_is, "params", "events")


class Site:
    """Topics of one device, and its parts so far."""

    def __init__(self, prefix: str, reply: str) -> None:
        self.parts = Parts(prefix)
        self._rpc, self._reply = f"{prefix}/rpc", reply

    def read(self, key: str, component: str, convert: Convert, *path: str | int) -> None:
        """Read a value of a component's status: from notifications, its own topic, and the answer of GetStatus."""
        self.take(key, component, at(convert, *path))

    def take(self, key: str, component: str, take: Take) -> None:
        """Read what is taken from a component's whole status, which may be a part of it in a notification."""
        self.parts.reading(key, "events/rpc", at(take, "params", component))
        self.parts.reading(key, f"status/{component}", take)
        answer = Reading(f"{self._reply}/rpc", key, at(take, "result", component), "json")
        self.parts.readings.append(answer)

    def call(
        self, key: str, command: str, method: str, make: Callable[[dict[str, Any]], dict[str, Any]], number: int
    ) -> None:
        """Carry out a command by calling a method of the component with this number."""
        self.parts.action(key, command, self.encoded(method, lambda said, _: make(said), number))

    def encoded(
        self, method: str, make: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]], number: int
    ) -> Encode:
        """Call a method with what is made of the arguments and the values."""

        def encode(arguments: dict[str, Any], values: dict[str, Any]) -> tuple[Message, ...]:
            params = {"id": number, **make(arguments, values)}
            call = {"id": _CALL, "src": self._reply, "method": method, "params": params}
            return (Message(self._rpc, msgspec.json.encode(call)),)

        return encode

    def presses(self, component: str, suffix: str) -> None:
        """Take what happens to an input as presses of a button."""
        key = self.parts.add("button", "", suffix)

        def take(data: Any) -> Any:  # noqa: ANN401 - JSON
            events = _EVENTS_TOLD(data)
            if not isinstance(events, list):
                return NOTHING
            ours = (one for one in events if isinstance(one, dict) and one.get("component") == component)
            names = (one.get("event") for one in ours)
            kinds = (_EVENTS.get(name) for name in names if isinstance(name, str))
            return next((ButtonPressed(kind) for kind in kinds if kind), NOTHING)

        self.parts.happening(key, "events/rpc", take)
