"""Pairing: from the wish for a new device to the device, with its PIN or its QR code on the way."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any

from device_plugins.sdk import Device, InvalidValueError, PairingError, UnreachableError
from device_plugins.zwave.base import ZWavePlugin
from device_plugins.zwave.exclusion import UNPROVISION
from device_plugins.zwave.known import id_of
from device_plugins.zwave.network import Network, Refused, ZWaveError
from hub.api import HubError

_INPUTS = ("pin", "qr_code", "security", "replace", "remove")
_PIN = re.compile(r"(\d{5})(-\d{5}){0,7}")
_DEFAULT, _INSECURE, _S0, _S2 = 0, 2, 3, 4
_STRATEGIES = {"default": _DEFAULT, "s2": _S2, "s0": _S0, "none": _INSECURE}
_SMART_START = 1
_IDLE, _LISTENING = 0, 4  # Z-Wave JS's states of inclusion: nothing, and SmartStart's
_LONG = 60.0
# Z-Wave JS's reasons for low security.
_WHY = {
    0: "it was cancelled, or the PIN was not brought in time",
    3: "it did not answer in time",
    4: "it speaks no encryption that the hub does",
    5: "it gave up by itself",
    6: "the PIN is wrong",
    7: "its keys do not match",
    8: "it would have been included with weaker encryption than it has",
}
_ASKS_PIN = {"pin": "the first five digits of the key on its label, or in its manual"}
_ASKS_REMOVE = {"remove": "yes, or no to keep it without encryption"}
_STILL_THERE = "It is in the network without encryption since the last session. Take it out, to try once more?"
_LEFT = "left without encryption"
_ASKS_QR = {"qr_code": "the text of the device's QR code"}


class Inclusion:
    """One pairing session at a time: what it was given, and how far the device that joins is."""

    def __init__(self, plugin: ZWavePlugin) -> None:
        self._plugin = plugin
        self._ears: dict[str, Callable[[dict[str, Any]], None]] = {
            "node found": self._found,
            "grant security classes": self._asked_for_keys,
            "validate dsk and enter pin": self._asked_for_pin,
            "node added": self._added,
            "node removed": self._removed,
            "inclusion failed": self._failed,
            "inclusion state changed": self._free,
        }
        self._left = ""
        """The device that an earlier session left in the network without encryption, until its owner has said of it."""
        self._forget()

    def _forget(self) -> None:
        self._session = object()
        self._open = False
        self._wanted = False
        """Whether the network is to be open as soon as the controller is free."""
        self.asks_pin = False
        """Whether the device that joins waits for its PIN."""
        self._removing = 0
        """The node that is to be taken out again."""
        self._low = 0
        """The node whose encryption failed, while its owner is asked what becomes of it."""
        self._joining_node = 0
        """The node that was found last."""
        self._pin = ""
        self._strategy = _DEFAULT
        self._provisioning: dict[str, Any] | None = None
        self._is_smart = False
        self._waits_for_code = False
        self._replaces = 0
        self._joining: set[str] = set()

    # What the session wants

    async def take(self, values: dict[str, Any]) -> None:
        """Take inputs, before the network is opened or when a step asked for them.

        Raises PairingError for those that are not known, InvalidValueError and UnknownDeviceError for bad ones.
        """
        if unknown := values.keys() - {*_INPUTS}:
            raise PairingError(f"Z-Wave pairing takes {', '.join(_INPUTS)}, not {min(unknown)[:80]!r}")
        texts = {name: str(value).strip() for name, value in values.items()}
        if "security" in texts:
            self._strategy = _strategy(texts["security"])
        if "replace" in texts:
            self._replaces = await self._plugin.node_of(texts["replace"])
        if "qr_code" in texts:
            await self._take_code(texts["qr_code"])
        if "pin" in texts:
            await self._take_pin(texts["pin"])
        if "remove" in texts:
            await self._take_removal(texts["remove"])

    async def load(self) -> None:
        """Recall what an earlier session left behind."""
        self._left = await self._plugin.ctx.storage.get(_LEFT, "")

    async def open(self, _duration: float) -> None:
        """Let devices in until `close`. Raises PairingError."""
        self._open = True
        if node := self._left_behind():
            self._low = node
            self._tell("needs_input", node, reason=_STILL_THERE, inputs=_ASKS_REMOVE)
            return
        if self._replaces:
            # The driver asks a dead node for its last word, which takes longer than a session may take to open.
            self._tell("waiting", reason="The dead device is asked a last time. Put the new one into pairing mode.")
            self._again()
            return
        is_begun = False
        try:
            await self._begin()
            is_begun = True
        except ZWaveError as error:
            raise PairingError(str(error)) from error
        finally:
            if not is_begun:
                self._forget()

    async def close(self) -> None:
        """Let nothing in any more, and end what is under way."""
        asks, removing, low = self.asks_pin, self._removing, self._low
        was_open = self._open and not self._is_smart and not self._waits_for_code
        if node := low or removing or (self._joining_node if asks else 0):
            self._tell("failed", node, reason="it stays in the network without encryption; pair again to take it out")
            await self._keep(self._name(node))
        self._forget()
        network = self._network()
        if network is None:
            return
        try:
            if asks:
                # A PIN that is none ends the key exchange.
                await network.ask("controller.validate_dsk_and_enter_pin", pin="")
            if removing:
                await network.ask("controller.stop_exclusion")
            elif was_open:
                await network.ask("controller.stop_inclusion")
        except ZWaveError as error:
            self._plugin.ctx.log.warning("Pairing did not end as it should: %s", error)

    def lost(self) -> None:
        """The network is gone, and with it whatever was under way."""
        self._forget()

    # What the network tells

    def told(self, event: str, data: dict[str, Any]) -> None:
        """The controller told something."""
        if not self._open:
            return
        hear = self._ears.get(event)
        if hear is not None:
            hear(data)

    def ready(self, device: Device) -> None:
        """A device's interview is complete."""
        if device.id in self._joining:
            self._joining.discard(device.id)
            self._plugin.pairing_step("configured", device, progress=1.0)
            self._again()

    def _found(self, data: dict[str, Any]) -> None:
        if node := _node(data):
            self._joining_node = node
            self._tell("joined", node)

    def _asked_for_keys(self, data: dict[str, Any]) -> None:
        self._start("grants keys", self._grant(data.get("requested") or {}))

    def _asked_for_pin(self, data: dict[str, Any]) -> None:
        self.asks_pin = True
        if self._pin:
            self._start("brings the PIN", self._bring_pin())
            return
        others = str(data.get("dsk", "")).strip("-")
        reason = f"It asks for its PIN; the key on its label goes on with {others}."
        self._tell("needs_input", reason=reason, inputs=_ASKS_PIN, progress=0.3)

    def _failed(self, _: dict[str, Any]) -> None:
        self._tell("failed", reason="the stick could not take it in; bring it nearer and try again")
        self._again()

    def _free(self, data: dict[str, Any]) -> None:
        if self._wanted and data.get("state") in {_IDLE, _LISTENING}:
            self._again()

    def _added(self, data: dict[str, Any]) -> None:
        self.asks_pin = False
        self._pin = ""
        node, result = _node(data), data.get("result") or {}
        device = self._name(node)
        if result.get("lowSecurity"):
            self._low = node
            why = _WHY.get(result.get("lowSecurityReason", -1), "its encryption could not be agreed on")
            self._tell("failed", node, reason=f"{why}; it is in the network without encryption")
            reason = "Take it out of the network again, to try once more?"
            self._tell("needs_input", node, reason=reason, inputs=_ASKS_REMOVE)
            return
        self._joining.add(device)
        self._tell("interviewing", node, reason="being asked what it can do", progress=0.6)
        known = self._plugin.roster.known.get(device)
        network = self._network()
        state = network.node(node) if network else None
        if known is not None and state is not None and state.ready:
            self.ready(known.device)

    def _removed(self, data: dict[str, Any]) -> None:
        node = _node(data)
        if node and node == self._removing:
            self._removing = 0
            self._start("notes that it left", self._keep(""))
            self._tell("waiting", node, reason="It is out of the network. Put it into pairing mode to try once more.")
            self._again()

    # What becomes of inputs

    async def _take_code(self, text: str) -> None:
        if not text:
            self._waits_for_code = True
            return
        network = self._plugin.ready_network()
        try:
            found = await network.ask("utils.parse_qr_code_string", qr=text)
            self._provisioning = dict(found["qrProvisioningInformation"])
            self._is_smart = self._provisioning.get("version") == _SMART_START
            if self._is_smart:
                await network.ask("controller.provision_smart_start_node", entry=self._provisioning)
        except (Refused, KeyError) as error:
            raise InvalidValueError("that is no Z-Wave QR code: it begins with 90 and has 52 digits or more") from error
        if self._waits_for_code and self._open:
            self._waits_for_code = False
            await self._begin()
        self._waits_for_code = False

    async def _take_pin(self, text: str) -> None:
        if not (found := _PIN.fullmatch(text)):
            raise InvalidValueError("the PIN must be the first five digits of the device's key")
        self._pin = found[1]
        if self.asks_pin:
            await self._bring_pin()

    async def _bring_pin(self) -> None:
        self.asks_pin = False
        self._tell("interviewing", reason="exchanging keys", progress=0.4)
        await self._plugin.ready_network().ask("controller.validate_dsk_and_enter_pin", pin=self._pin)

    async def _take_removal(self, answer: str) -> None:
        if not self._low:
            raise PairingError("there is no device to take out of the network again")
        words = {"yes": True, "y": True, "true": True, "no": False, "n": False, "false": False}
        if (wanted := words.get(answer.casefold())) is None:
            raise InvalidValueError("remove is yes or no")
        node, self._low = self._low, 0
        if not wanted:
            await self._keep("")
            self._joining.add(self._name(node))
            self._tell("waiting", node, reason="It stays, without encryption.")
            self._again()
            return
        self._removing = node
        said = await self._plugin.ready_network().ask(
            "controller.begin_exclusion", within=_LONG, options={"strategy": UNPROVISION}
        )
        if not said.get("success"):
            self._removing = 0
            raise PairingError("the stick is busy; take the device out with `hub zwave exclude`")
        self._tell("waiting", node, reason="Press its button as for pairing: it is taken out of the network.")

    # The controller

    async def _begin(self) -> None:
        network = self._plugin.ready_network()
        if self._waits_for_code:
            self._tell("needs_input", reason="The QR code of the device is to be brought.", inputs=_ASKS_QR)
            return
        if self._is_smart:
            self._tell("waiting", reason="Switch the device on: it joins by itself, which may take ten minutes.")
            return
        self._wanted = True
        session = self._session
        # Not ended with who waits for it: the network may be opened all the same, and must be closed then.
        work = self._plugin.ctx.tasks.start("Z-Wave pairing asks the stick", self._ask_to_begin(network, session))
        said = await asyncio.shield(work)
        if isinstance(said, ZWaveError):
            raise said
        if said.get("success") and session is self._session:
            self._wanted = False
            self._replaces = 0

    async def _ask_to_begin(self, network: Network, session: object) -> dict[str, Any] | ZWaveError:
        if session is not self._session:
            return {}
        what = ("replace_failed_node", {"nodeId": self._replaces}) if self._replaces else ("begin_inclusion", {})
        try:
            said: dict[str, Any] = await network.ask(
                f"controller.{what[0]}", within=_LONG, **what[1], options=self._options()
            )
            if said.get("success") and session is not self._session:
                await network.ask("controller.stop_inclusion")
        except ZWaveError as error:
            return error
        return said

    def _again(self) -> None:
        """Let the next device in, now or as soon as the controller is free."""
        if self._open and not (self._removing or self._low):
            self._start("opens for the next", self._begin())

    def _options(self) -> dict[str, Any]:
        strategy = _S2 if self._replaces and self._strategy == _DEFAULT else self._strategy
        if self._provisioning is not None and strategy in {_DEFAULT, _S2}:
            return {"strategy": _S2, "provisioning": self._provisioning}
        return {"strategy": strategy}

    async def _grant(self, requested: dict[str, Any]) -> None:
        """All that it asks for: without a key that it wants, some of it may not work."""
        classes = list(requested.get("securityClasses", ()))
        await self._plugin.ready_network().ask(
            "controller.grant_security_classes", inclusionGrant={"securityClasses": classes, "clientSideAuth": False}
        )

    # What a session leaves behind

    async def _keep(self, device: str) -> None:
        if device != self._left:
            self._left = device
            await self._plugin.ctx.storage.set(_LEFT, device, durable=True)

    def _left_behind(self) -> int:
        network = self._network()
        for state in network.nodes() if network and self._left else ():
            if self._name(state.facts.node) == self._left and not state.facts.secure:
                return state.facts.node
        return 0

    # Small things

    def _start(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        async def watched() -> None:
            try:
                await work
            except HubError as error:
                self._tell("failed", reason=str(error))

        self._plugin.ctx.tasks.start(f"Z-Wave pairing {what}", watched())

    def _tell(self, step: Any, node: int = 0, **details: Any) -> None:  # noqa: ANN401 - as `pairing_step` has them
        self._plugin.pairing_step(step, self._device(node) if node else None, **details)

    def _device(self, node: int) -> Device:
        network = self._network()
        state = network.node(node) if network else None
        return Device(self._name(node), "zwave", model=state.facts.model if state else "")

    def _name(self, node: int) -> str:
        network = self._network()
        return id_of(network.home_id, node) if network else ""

    def _network(self) -> Network | None:
        try:
            return self._plugin.ready_network()
        except UnreachableError:
            return None


def _strategy(word: str) -> int:
    try:
        return _STRATEGIES[word.casefold()]
    except KeyError:
        raise InvalidValueError(f"security is one of {', '.join(_STRATEGIES)}, not {word[:40]!r}") from None


def _node(data: dict[str, Any]) -> int:
    """The node that an event is about: its number, or a description of it."""
    node = data.get("node")
    if isinstance(node, dict):
        node = node.get("nodeId", node.get("id"))
    return node if isinstance(node, int) else 0
