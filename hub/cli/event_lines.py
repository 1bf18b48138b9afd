"""Events as lines for a person: devices by their names, values in words, and no chatter of the radio."""

import time
from contextlib import suppress
from typing import Any

from hub.cli.errors import CommandError
from hub.cli.folding import cut, width
from hub.cli.output import number, short
from hub.cli.readings import reading
from hub.cli.session import Session

_CHATTER = ("last_seen", "link_quality")
_REGISTRY = ("devices.added", "devices.changed", "devices.removed")
_OF_DEVICE = 3

type Event = dict[str, Any]


def is_chatter(path: str) -> bool:
    """Whether this part of the state changes with every message of a device."""
    return path.rpartition("/")[2].partition(".")[0] in _CHATTER


class EventLines:
    """Makes a line of each event; learns the devices' names from the hub."""

    def __init__(self, session: Session, *, everything: bool) -> None:
        self._session = session
        self._everything = everything
        self._names: dict[str, str] = {}
        self._learn()

    def line(self, event: Event) -> str:
        """The event in one line as wide as the terminal; nothing for chatter, unless everything is wanted."""
        kind, subject = event["type"], event["subject"]
        if kind in _REGISTRY:
            self._learn()
        if kind == "state.changed":
            if is_chatter(subject) and not self._everything:
                return ""
            said = self._change(subject, event["data"]["value"], event["data"]["old"])
        else:
            said = f"{self._named(subject)}  {self._pairs(subject, event['data'])}"
        clock = time.strftime("%H:%M:%S", time.localtime(event["time"] / 1e9))
        return cut(f"{clock} {kind}  {said}".rstrip(), width())

    def _learn(self) -> None:
        with suppress(CommandError):  # without names there are ids
            self._names = {one["id"]: one["name"] for one in self._session.client.get("devices")}

    def _named(self, subject: str) -> str:
        first, _, rest = subject.partition("/")
        device, _, key = rest.partition("/")
        if first != "device" or device not in self._names:
            return subject
        return f"{self._names[device]} {key}".rstrip()

    def _change(self, path: str, value: Any, old: Any) -> str:  # noqa: ANN401 - JSON
        if isinstance(value, dict):
            before = old if isinstance(old, dict) else {}
            fresh = {key: one for key, one in value.items() if key not in before or before[key] != one}
            return f"{self._named(path)}: {self._pairs(path, fresh)}"
        parts = path.split("/")
        kind = parts[-1].partition(".")[0] if parts[0] == "device" and len(parts) == _OF_DEVICE else ""
        now, was = (self._reading(kind, one) for one in (value, old))
        return f"{self._named(path)}: {now or 'nothing'}" + (f" (was {was})" if was else "")

    def _reading(self, kind: str, value: Any) -> str:  # noqa: ANN401 - JSON
        return "" if value is None else reading(kind, value)

    def _pairs(self, subject: str, data: Any) -> str:  # noqa: ANN401 - JSON
        if not isinstance(data, dict):
            return self._word(data)
        device = subject.split("/")[1:2]
        known = (*device, *(self._names.get(one, "") for one in device))
        told = ((key, value) for key, value in data.items() if value not in known)
        return " ".join(f"{key}={word}" for key, value in told if (word := self._word(value)))

    def _word(self, value: Any) -> str:  # noqa: ANN401 - JSON
        if value is None or value in ([], {}):
            return ""
        if isinstance(value, str):
            return self._names.get(value) or self._named(value)
        if isinstance(value, float):
            return number(value)
        if isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
            return ",".join(map(self._word, value))
        return short(value)
