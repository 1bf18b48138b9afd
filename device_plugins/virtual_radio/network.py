"""EZSP commands about the network: form, resume, leave, keys, security, scans, permission to join."""

import struct
from collections.abc import Mapping
from typing import Any

from device_plugins.virtual_radio import addresses, topology
from device_plugins.virtual_radio.core import MAX_ENTRIES, Command, Core, Values
from device_plugins.virtual_radio.ezsp import Args
from device_plugins.virtual_radio.nvm import RESTORED_EUI64, Network
from device_plugins.virtual_radio.wire import Status

_JOINED, _NO_NETWORK = 2, 0
_COORDINATOR = 1
_NO_NODE = 0xFFFE
_ENERGY_SCAN = 0
_QUIET_DBM, _STEPS_A_DB = -100, 4
_KEY_SIZE = 16
_EUI64_SIZE = 8
# Key types of `exportKey`, and of `getKey` before version 13.
_NETWORK_KEY, _LINK_KEY = 1, 2
_OLD_LINK_KEY, _OLD_NETWORK_KEY = 1, 3
# Bits of the security state: link key in use, network key in use; hashed link keys.
_HAS_LINK_KEY, _HAS_NETWORK_KEY = 0x0010, 0x0004
_HASHED = 0x0084
_NWK_FRAME_COUNTER = 0x23
_MANAGEMENT = struct.Struct("<IHBB")
# Tokens that mirror the network: see NV3StackNetworkManagementToken in bellows.
_NETWORK_MANAGEMENT = 0x1E125


class NetworkCommands:
    """The commands, by name in `table`."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._security: Mapping[str, Any] = {}
        self.table: dict[str, Command] = {
            "networkState": lambda _: {"status": _JOINED if core.up else _NO_NETWORK},
            "networkInit": self._init,
            "setInitialSecurityState": self._set_security,
            "formNetwork": self._form,
            "leaveNetwork": self._leave,
            "tokenFactoryReset": self._factory_reset,
            "resetToFactoryDefaults": self._factory_reset,
            "getNetworkParameters": self._parameters,
            "getNodeId": lambda _: {"nodeId": addresses.COORDINATOR_NWK if core.up else _NO_NODE},
            "getEui64": lambda _: {"eui64": self._eui64},
            "getKey": self._get_key,
            "exportKey": self._export_key,
            "getNetworkKeyInfo": self._key_info,
            "getApsKeyInfo": lambda args: {"context": args["context_in"]},
            "getCurrentSecurityState": self._current_security,
            "permitJoining": self._permit,
            "startScan": self._scan,
            "setRadioChannel": lambda args: self.move(args["channel"], None),
            "getTokenData": self._get_token,
            "setTokenData": self._set_token,
        }

    @property
    def _eui64(self) -> bytes:
        return addresses.as_bytes(self._core.nvm.address)

    def move(self, channel: int, update_id: int | None) -> Values:
        """Change the channel, and tell the host."""
        network = self._core.nvm.network
        if network is None:
            return {"status": Status.NOT_JOINED}
        if channel == network.channel:
            return {}
        network.channel = channel
        network.update_id = network.update_id if update_id is None else update_id
        self._core.surroundings.changed(lasting=True)
        self._core.later("stackStatusHandler", status=Status.CHANNEL_CHANGED)
        return {}

    def _init(self, args: Args) -> Values:
        del args
        if self._core.nvm.network is None:
            return {"status": Status.NOT_JOINED}
        self._rise()
        return {}

    def _rise(self) -> None:
        self._core.up = True
        network = self._core.nvm.network
        if network is not None:
            facts = {"up": True, "pan_id": network.pan_id, "channel": network.channel}
            self._core.surroundings.tell("network", facts)
        self._core.later("stackStatusHandler", status=Status.NETWORK_UP)

    def _set_security(self, args: Args) -> Values:
        self._security = args["state"]
        return {}

    def _form(self, args: Args) -> Values:
        if self._core.up:
            return {"status": Status.INVALID_STATE}
        given, security = args["parameters"], self._security
        self._core.nvm.network = Network(
            extended_pan_id=given["extendedPanId"].hex(),
            pan_id=given["panId"],
            channel=given["radioChannel"],
            channels=given["channels"],
            power_dbm=given["radioTxPower"],
            manager=given["nwkManagerId"],
            update_id=given["nwkUpdateId"],
            key=security.get("networkKey", bytes(_KEY_SIZE)).hex(),
            key_sequence=security.get("networkKeySequenceNumber", 0),
            link_key=security.get("preconfiguredKey", bytes(_KEY_SIZE)).hex(),
            security=security.get("bitmask", 0),
        )
        counter = self._core.values.pop(_NWK_FRAME_COUNTER, b"")
        self._core.nvm.frame_counter = max(self._core.nvm.frame_counter, int.from_bytes(counter, "little"))
        self._core.surroundings.changed(lasting=True)
        self._rise()
        return {}

    def _leave(self, args: Args) -> Values:
        del args
        if not self._core.up:
            return {"status": Status.INVALID_STATE}
        self._core.nvm.network = None
        self._core.up = False
        self._core.surroundings.changed(lasting=True)
        self._core.surroundings.tell("network", {"up": False})
        self._core.later("stackStatusHandler", status=Status.NETWORK_DOWN)
        return {}

    def _factory_reset(self, args: Args) -> Values:
        nvm = self._core.nvm
        nvm.network = None
        nvm.link_keys.clear()
        if not args.get("excludeOutgoingFC"):
            nvm.frame_counter = 0
        self._core.up = False
        self._core.surroundings.changed(lasting=True)
        return {}

    def _parameters(self, args: Args) -> Values:
        del args
        network = self._core.nvm.network
        if network is None or not self._core.up:
            return {"status": Status.NOT_JOINED}
        parameters = {
            "extendedPanId": bytes.fromhex(network.extended_pan_id),
            "panId": network.pan_id,
            "radioTxPower": network.power_dbm,
            "radioChannel": self._core.tuned or network.channel,
            "nwkManagerId": network.manager,
            "nwkUpdateId": network.update_id,
            "channels": network.channels,
        }
        return {"nodeType": _COORDINATOR, "parameters": parameters}

    def _key(self, *, of_network: bool) -> bytes | None:
        network = self._core.nvm.network
        if network is None:
            return None
        return bytes.fromhex(network.key if of_network else network.link_key)

    def _export_key(self, args: Args) -> Values:
        kind = args["context"]["core_key_type"]
        key = self._key(of_network=kind == _NETWORK_KEY) if kind in {_NETWORK_KEY, _LINK_KEY} else None
        if key is None:
            return {"status": Status.NOT_FOUND, "context": args["context"]}
        return {"key": key, "context": args["context"]}

    def _get_key(self, args: Args) -> Values:
        kind, network = args["keyType"], self._core.nvm.network
        if network is None or kind not in {_OLD_LINK_KEY, _OLD_NETWORK_KEY}:
            return {"status": Status.NOT_FOUND}
        found = {
            "bitmask": 0x0003,
            "type": kind,
            "key": self._key(of_network=kind == _OLD_NETWORK_KEY),
            "outgoingFrameCounter": self._core.nvm.frame_counter,
            "sequenceNumber": network.key_sequence,
            "partnerEUI64": self._eui64,
        }
        return {"keyStruct": found}

    def _key_info(self, args: Args) -> Values:
        del args
        network = self._core.nvm.network
        info = {
            "network_key_set": int(network is not None),
            "network_key_sequence_number": network.key_sequence if network else 0,
            "network_key_frame_counter": self._core.nvm.frame_counter,
        }
        return {"network_key_info": info}

    def _current_security(self, args: Args) -> Values:
        del args
        network = self._core.nvm.network
        if network is None:
            return {"status": Status.NOT_JOINED}
        hashed = _HASHED if network.security & _HASHED == _HASHED else 0
        state = {"bitmask": _HAS_LINK_KEY | _HAS_NETWORK_KEY | hashed, "trustCenterLongAddress": self._eui64}
        return {"state": state}

    def _permit(self, args: Args) -> Values:
        if not self._core.up:
            return {"status": Status.INVALID_STATE}
        self._core.permit(args["duration"])
        return {}

    def _scan(self, args: Args) -> Values:
        if args["scanType"] == _ENERGY_SCAN:
            for channel in range(32):
                if args["channelMask"] >> channel & 1:
                    dbm = _QUIET_DBM + topology.noise(self._core.nvm.address, channel) // _STEPS_A_DB
                    self._core.later("energyScanResultHandler", channel=channel, maxRssiValue=dbm)
        self._core.later("scanCompleteHandler")
        return {}

    def _get_token(self, args: Args) -> Values:
        network = self._core.nvm.network
        if args["token"] == _NETWORK_MANAGEMENT and network is not None:
            return {"value": _MANAGEMENT.pack(network.channels, network.manager, network.update_id, 0)}
        value = self._core.nvm.tokens.get(args["token"])
        return {"status": Status.NOT_FOUND} if value is None else {"value": bytes.fromhex(value)}

    def _set_token(self, args: Args) -> Values:
        token, value = args["token"], args["token_data"]
        nvm = self._core.nvm
        if token == RESTORED_EUI64 and len(value) != _EUI64_SIZE:
            return {"status": Status.INVALID}
        if token == _NETWORK_MANAGEMENT and nvm.network is not None:
            if len(value) != _MANAGEMENT.size:
                return {"status": Status.INVALID}
            _, nvm.network.manager, nvm.network.update_id, _ = _MANAGEMENT.unpack(value)
        elif token in nvm.tokens or len(nvm.tokens) < MAX_ENTRIES:
            nvm.tokens[token] = value.hex()
        else:
            return {"status": Status.FAIL}
        self._core.surroundings.changed(lasting=True)
        return {}
