"""The control protocol: a JSON object a line, `{"id": 1, "do": "join", "device": "Hall lamp"}` and its answer.

An answer is `{"id": 1, "result": …}` or `{"id": 1, "error": "a sentence"}`; what nobody asked for is `{"event": …}`.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from device_plugins.virtual_radio import ash, catalogue, strays
from device_plugins.virtual_radio.device import VirtualDevice
from device_plugins.virtual_radio.errors import RadioError
from device_plugins.virtual_radio.faults import Faults
from device_plugins.virtual_radio.radio import VirtualRadio

MAX_LINE = 65536
MAX_NAME = 100

_ARGUMENTS = {
    "add": ("model", "name", "described"),
    **dict.fromkeys(("remove", "rejoin", "leave", "stimuli", "conflict"), ("device",)),
    "join": ("device", "through"),
    "doze": ("device", "seconds"),
    "stray": ("device", "channel", "rssi"),
    "act": ("device", "stimulus", "value", "expect"),
    "set": ("device", "endpoint", "cluster", "attribute", "value"),
    "get": ("device", "endpoint", "cluster", "attribute"),
    "reachable": ("device", "on"),
    "slow": ("device", "ms"),
    **dict.fromkeys(("reset", "crash"), ("code",)),
    "hang": ("on",),
    "latency": ("samples", "clear"),
}
_KINDS = {dict: "an object", str: "text", int: "a whole number", float: "a number", bool: "true or false"}

type Args = dict[str, Any]
type Verb = Callable[[Args], object]


class Control:
    """Take bytes of requests, give lines of answers to `say`; nothing a requester sends can raise."""

    def __init__(self, radio: VirtualRadio, say: Callable[[str], None]) -> None:
        self._radio = radio
        self._say = say
        self._buffer = bytearray()
        self._skipping = False
        self._undo = radio.watch(self._event)
        self._verbs: dict[str, Verb] = {
            "models": lambda _: _models(),
            "devices": lambda _: [self._told(device) for device in radio.devices],
            "add": self._add,
            "remove": lambda args: radio.remove(self._device(args)),
            "join": lambda args: radio.join(self._device(args), _take(args, "through", str, "") or None),
            "conflict": lambda args: radio.conflict(self._device(args)),
            "doze": lambda args: radio.doze(self._device(args), _take(args, "seconds", float)),
            "stray": self._stray,
            "rejoin": lambda args: radio.rejoin(self._device(args)),
            "leave": lambda args: radio.leave(self._device(args)),
            "act": self._act,
            "stimuli": self._stimuli,
            "set": self._set,
            "get": self._get,
            "reachable": self._reachable,
            "slow": self._slow,
            "faults": self._faults,
            "reset": lambda args: radio.reset(_take(args, "code", int, ash.RESET_SOFTWARE)),
            "crash": lambda args: radio.crash(_take(args, "code", int, ash.ERROR_ACK_TIMEOUTS)),
            "hang": lambda args: radio.hang(on=_take(args, "on", bool, default=True)),
            "unplug": lambda _: radio.unplug(),
            "replug": self._replug,
            "latency": self._latency,
            "status": lambda _: self._status(),
        }

    def ready(self) -> None:
        """Say that the radio can be opened, and where."""
        self._event("ready", {"address": self._radio.address, "coordinator": self._radio.coordinator})

    def close(self) -> None:
        """Watch the radio no longer."""
        self._undo()

    def feed(self, data: bytes) -> None:
        """Take bytes; each line that ends in them is answered."""
        *ended, rest = data.split(b"\n")
        for part in ended:
            self._append(part)
            if not self._skipping and self._buffer.strip():
                self._line(bytes(self._buffer))
            self._buffer.clear()
            self._skipping = False
        self._append(rest)

    def _append(self, part: bytes) -> None:
        if self._skipping:
            return
        self._buffer += part
        if len(self._buffer) > MAX_LINE:
            self._buffer.clear()
            self._skipping = True
            self._answer(None, {"error": f"The line is longer than {MAX_LINE} bytes: send less at once."})

    def _line(self, line: bytes) -> None:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            request = None
        if not isinstance(request, dict) or not isinstance(request.get("do"), str):
            number = request.get("id") if isinstance(request, dict) else None
            self._answer(number, {"error": 'The line is no request: write {"id": 1, "do": "devices"}.'})
            return
        number, name = request.pop("id", None), request.pop("do")
        try:
            result = self._do(name, request)
        except RadioError as error:
            self._answer(number, {"error": str(error)})
        else:
            self._answer(number, {"result": result})

    def _do(self, name: str, args: Args) -> object:
        verb = self._verbs.get(name)
        if verb is None:
            raise RadioError(f"There is no verb {name!r}: choose from {', '.join(self._verbs)}.")
        takes = _ARGUMENTS.get(name, ())
        for argument in args:
            if name != "faults" and argument not in takes:
                raise RadioError(f"{name!r} takes {', '.join(takes) or 'no arguments'}, not {argument!r}.")
        return verb(args)

    def _answer(self, number: object, content: Mapping[str, object]) -> None:
        self._say(json.dumps({"id": number, **content}))

    def _event(self, event: str, facts: Mapping[str, object]) -> None:
        self._say(json.dumps({"event": event, **facts}))

    def _device(self, args: Args) -> VirtualDevice:
        return self._radio.device(_take(args, "device", str))

    def _told(self, device: VirtualDevice) -> dict[str, object]:
        joined = self._radio.is_joined(device)
        return {
            "ieee": device.ieee,
            "name": device.name,
            "model": device.model.key,
            "joined": joined,
            "nwk": device.short if joined else None,
            "reachable": device.reachable,
            "battery": device.battery,
            "install_code": device.install_code.hex(),
            "values": {
                item.name: _plain(item.value)
                for endpoint in device.endpoints.values()
                for cluster in endpoint.clusters.values()
                for item in cluster.attributes.values()
                if item.reportable
            },
        }

    def _add(self, args: Args) -> object:
        name = _take(args, "name", str, "")
        if len(name) > MAX_NAME:
            raise RadioError(f"A name has at most {MAX_NAME} characters.")
        if "described" in args:
            return self._told(self._radio.add_described(_take(args, "described", dict), name or None))
        return self._told(self._radio.add(_take(args, "model", str), name or None))

    def _act(self, args: Args) -> None:
        expect = _take(args, "expect", str, "") or None
        self._radio.act(self._device(args), _take(args, "stimulus", str), args.pop("value", None), expect)

    def _stray(self, args: Args) -> None:
        rssi = _take(args, "rssi", int, strays.USUAL_DBM)
        self._radio.stray(self._device(args), _take(args, "channel", int), rssi)

    def _stimuli(self, args: Args) -> object:
        found = self._radio.stimuli(self._device(args))
        return [{"stimulus": name, "help": text} for name, text in found.items()]

    def _set(self, args: Args) -> None:
        device, value = self._device(args), args.pop("value", None)
        device.set(_take(args, "endpoint", int, 1), _take(args, "cluster", int), _take(args, "attribute", int), value)

    def _get(self, args: Args) -> object:
        device = self._device(args)
        if isinstance(args.get("attribute"), str):
            value = device.value(args.pop("attribute"))
        else:
            endpoint, cluster = _take(args, "endpoint", int, 1), _take(args, "cluster", int)
            value = device.attribute(endpoint, cluster, _take(args, "attribute", int)).value
        return _plain(value)

    def _reachable(self, args: Args) -> None:
        self._device(args).reachable = _take(args, "on", bool)

    def _slow(self, args: Args) -> None:
        seconds = None if args.get("ms") is None else _take(args, "ms", float) / 1000
        self._radio.slow_down(self._device(args), seconds)

    def _faults(self, args: Args) -> object:
        wanted = Faults().settings() | args
        self._radio.faults.change(**wanted)
        args.clear()
        return self._radio.faults.settings()

    def _replug(self, args: Args) -> object:
        del args
        self._radio.replug()
        return {"address": self._radio.address}

    def _latency(self, args: Args) -> object:
        summary = self._radio.meter.summary(samples=_take(args, "samples", bool, default=False))
        if _take(args, "clear", bool, default=False):
            self._radio.meter.clear()
        return summary

    def _status(self) -> object:
        network = self._radio.network
        return {
            "address": self._radio.address,
            "coordinator": self._radio.coordinator,
            "host_attached": self._radio.host_attached,
            "network": network and {name: network[name] for name in ("pan_id", "extended_pan_id", "channel")},
            "permits": self._radio.permits,
            "faults": self._radio.faults.settings(),
            "link": dict(self._radio.ncp.link.stats),
            "unknown_commands": dict(self._radio.ncp.unknown),
        }


def _plain(value: object) -> object:
    """The value as JSON holds it."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.hex() if isinstance(value, bytes) else value


def _models() -> object:
    return [
        {
            "key": model.key,
            "model": model.name,
            "battery": model.battery,
            "stimuli": {name: item.help for name, item in model.stimuli.items()},
        }
        for model in catalogue.MODELS.values()
    ]


def _take[T](args: Args, name: str, kind: type[T], default: T | None = None) -> T:
    value = args.pop(name, default)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise RadioError(f"The argument {name!r} is {_KINDS[kind]}, not {value!r}.")
    return value
