"""EZSP commands about the NCP itself: configuration, values, policies, endpoints, and its tables."""

import struct
from typing import Any, Protocol

from device_plugins.virtual_radio import addresses
from device_plugins.virtual_radio.core import MAX_ENTRIES, Command, Core, Values
from device_plugins.virtual_radio.ezsp import Args
from device_plugins.virtual_radio.wire import Status
from device_plugins.virtual_radio.zdo import SimpleDescriptor

# What an EFR32 says of its configuration before a host changes it.
_CONFIG = {0x01: 255, 0x05: 26, 0x06: 16, 0x0C: 2, 0x0D: 5, 0x11: 32, 0x19: 2, 0x1A: 200, 0x1E: 12}
_VERSION_INFO, _FREE_BUFFERS = 0x11, 0x03
_MFG_STRING, _MFG_BOARD, _MFG_CUSTOM_EUI64 = 1, 2, 12
_MFG_TOKENS = {_MFG_STRING: b"Domovoi", _MFG_BOARD: b"Virtual radio"}
_MFG_TOKEN_SIZE = 16
_NO_KEY = 0xFF
_NO_NODE = 0xFFFF
_NO_EUI64 = b"\xff" * 8
_KEY_TABLE_SIZE = 12
_SLEEPY_END_DEVICE = 4
_COUNTERS = 41
_SOURCE_ROUTES, _TRANSIENT_KEYS = 200, 16

# What a host sets and no virtual device can tell the difference of.
_AGREED = (
    "clearStoredBeacons", "gpClearProxyTable", "gpSinkTableClearAll", "nop", "removeDevice", "setChildData",
    "setExtendedSecurityBitmask", "setMacPollFailureWaitTime", "setManufacturerCode", "setNeighborFrameCounter",
    "setPowerDescriptor", "setRadioIeee802154CcaMode", "setRadioPower", "setTransientKeyTimeoutMs",
)  # fmt: skip


class Known(Protocol):
    """Who is on the network, by address; addresses as bytes on the air."""

    def nwk_of(self, eui64: bytes) -> int | None:
        """Return the short address of a joined device."""

    def eui64_of(self, nwk: int) -> bytes | None:
        """Return the IEEE address of a joined device."""

    def children(self) -> list[tuple[bytes, int]]:
        """Return the joined devices that sleep."""


class TableCommands:
    """The commands, by name in `table`."""

    def __init__(self, core: Core, known: Known) -> None:
        self._core = core
        self._known = known
        self.table: dict[str, Command] = {
            **{name: lambda _: {} for name in _AGREED},
            "customFrame": lambda _: {"status": Status.UNSUPPORTED},
            "getConfigurationValue": self._get_config,
            "setConfigurationValue": self._set_config,
            "getValue": self._get_value,
            "setValue": self._set_value,
            "getExtendedValue": self._get_extended_value,
            "getPolicy": lambda args: {"decisionId": core.policies.get(args["policyId"], 0)},
            "setPolicy": self._set_policy,
            "addEndpoint": self._add_endpoint,
            "getMfgToken": self._get_mfg_token,
            "readCounters": lambda _: {"values": [0] * _COUNTERS},
            "readAndClearCounters": lambda _: {"values": [0] * _COUNTERS},
            "setSourceRouteDiscoveryMode": lambda _: {"remainingTime": 1000},
            "getMulticastTableEntry": self._get_multicast,
            "setMulticastTableEntry": self._set_multicast,
            "getExtendedTimeout": self._get_extended_timeout,
            "setExtendedTimeout": self._set_extended_timeout,
            "lookupNodeIdByEui64": self._find_nwk,
            "lookupEui64ByNodeId": self._find_eui64,
            "getChildData": self._get_child,
            "replaceAddressTableEntry": self._replace_address,
            "setAddressTableInfo": self._set_address,
            "getAddressTableInfo": self._get_address,
            "getAddressTableRemoteNodeId": lambda args: {"nodeId": self._address(args["addressTableIndex"])[1]},
            "getAddressTableRemoteEui64": lambda args: {"eui64": self._address(args["addressTableIndex"])[0]},
            "clearKeyTable": self._clear_keys,
            "findKeyTableEntry": self._find_key,
            "eraseKeyTableEntry": self._erase_key,
            "importLinkKey": self._import_key,
            "addOrUpdateKeyTableEntry": self._add_key,
            "exportLinkKeyByIndex": self._export_key,
            "getKeyTableEntry": self._get_key,
            "setConcentrator": self._set_concentrator,
            "sendManyToOneRouteRequest": self._ask_for_routes,
            "setSourceRoute": self._set_source_route,
            "importTransientKey": lambda args: self._let_in(args["eui64"], args["plaintext_key"]),
            "addTransientLinkKey": lambda args: self._let_in(args["partner"], args["transientKey"]),
            "clearTransientLinkKeys": self._clear_transient_keys,
        }

    def _set_concentrator(self, args: Args) -> Values:
        self._core.concentrates = bool(args["on"])
        self._core.recorded.clear()
        return {}

    def _ask_for_routes(self, args: Args) -> Values:
        del args
        self._core.concentrates = True
        self._core.recorded.clear()
        return {}

    def _set_source_route(self, args: Args) -> Values:
        if len(self._core.source_routes) >= _SOURCE_ROUTES and args["destination"] not in self._core.source_routes:
            return {"status": Status.FAIL}
        self._core.source_routes[args["destination"]] = args["relayList"]
        return {}

    def _let_in(self, eui64: bytes, key: bytes) -> Values:
        keys, ieee = self._core.transient_keys, addresses.as_text(eui64)
        if len(keys) >= _TRANSIENT_KEYS and ieee not in keys:
            return {"status": Status.FAIL}
        keys[ieee] = key
        return {}

    def _clear_transient_keys(self, args: Args) -> Values:
        del args
        self._core.transient_keys.clear()
        return {}

    def _get_config(self, args: Args) -> Values:
        number = args["configId"]
        return {"value": self._core.config.get(number, _CONFIG.get(number, 0))}

    def _set_config(self, args: Args) -> Values:
        return self._keep(self._core.config, args["configId"], args["value"])

    def _keep[K, V](self, table: dict[K, V], key: K, value: V) -> Values:
        """Put something in a table that has a limit."""
        if key not in table and len(table) >= MAX_ENTRIES:
            return {"status": Status.FAIL}
        table[key] = value
        return {}

    def _get_value(self, args: Args) -> Values:
        stack = self._core.codec.stack_version
        made = {
            _VERSION_INFO: struct.pack("<HBBBBB", 0, stack >> 12, stack >> 8 & 15, stack >> 4 & 15, 0, 0xAA),
            _FREE_BUFFERS: b"\xff\x00",
        }
        number = args["valueId"]
        return {"value": made.get(number) or self._core.values.get(number, b"\x00")}

    def _set_value(self, args: Args) -> Values:
        return self._keep(self._core.values, args["valueId"], args["value"])

    def _get_extended_value(self, args: Args) -> Values:
        known = args["characteristics"] in self._core.endpoints
        return {"value": b"\x01\x00"} if known else {"status": Status.INVALID_INDEX, "value": b"\x00\x00"}

    def _set_policy(self, args: Args) -> Values:
        self._core.policies[args["policyId"]] = args["decisionId"]
        return {}

    def _add_endpoint(self, args: Args) -> Values:
        if self._core.up:
            return {"status": Status.INVALID_STATE}
        self._core.endpoints[args["endpoint"]] = SimpleDescriptor(
            args["profileId"],
            args["deviceId"],
            args["deviceVersion"],
            args["inputClusterList"],
            args["outputClusterList"],
        )
        return {}

    def _get_mfg_token(self, args: Args) -> Values:
        token = args["tokenId"]
        if token == _MFG_CUSTOM_EUI64:
            return {"tokenData": _NO_EUI64}
        return {
            "tokenData": _MFG_TOKENS[token].ljust(_MFG_TOKEN_SIZE, b"\xff") if token in _MFG_TOKENS else b"\xff\xff"
        }

    def _get_multicast(self, args: Args) -> Values:
        return {"value": self._core.multicast.get(args["index"], {})}

    def _set_multicast(self, args: Args) -> Values:
        self._core.multicast[args["index"]] = args["value"]
        return {}

    def _get_extended_timeout(self, args: Args) -> Values:
        extended = args["remoteEui64"] in self._core.extended_timeouts
        return {"status": Status.OK if extended else Status.FAIL, "extendedTimeout": int(extended)}

    def _set_extended_timeout(self, args: Args) -> Values:
        self._extend(args["remoteEui64"], extended=bool(args["extendedTimeout"]))
        return {}

    def _extend(self, eui64: bytes, *, extended: bool) -> None:
        if extended:
            if len(self._core.extended_timeouts) < MAX_ENTRIES:
                self._core.extended_timeouts.add(eui64)
        else:
            self._core.extended_timeouts.discard(eui64)

    def _find_nwk(self, args: Args) -> Values:
        nwk = self._known.nwk_of(args["eui64"])
        return {"status": Status.NOT_FOUND, "nodeId": _NO_NODE} if nwk is None else {"nodeId": nwk}

    def _find_eui64(self, args: Args) -> Values:
        eui64 = self._known.eui64_of(args["nodeId"])
        return {"status": Status.NOT_FOUND, "eui64": _NO_EUI64} if eui64 is None else {"eui64": eui64}

    def _get_child(self, args: Args) -> Values:
        children = self._known.children()
        if args["index"] >= len(children):
            return {"status": Status.NOT_JOINED}
        eui64, nwk = children[args["index"]]
        return {"child_data": {"eui64": eui64, "type": _SLEEPY_END_DEVICE, "id": nwk}}

    def _address(self, index: int) -> tuple[bytes, int]:
        return self._core.addresses.get(index, (_NO_EUI64, _NO_NODE))

    def _replace_address(self, args: Args) -> Values:
        index, eui64 = args["addressTableIndex"], args["newEui64"]
        old_eui64, old_nwk = self._address(index)
        was_extended = old_eui64 in self._core.extended_timeouts
        self._core.addresses[index] = (eui64, args["newId"])
        self._extend(eui64, extended=bool(args["newExtendedTimeout"]))
        return {"oldEui64": old_eui64, "oldId": old_nwk, "oldExtendedTimeout": int(was_extended)}

    def _set_address(self, args: Args) -> Values:
        self._core.addresses[args["index"]] = (args["eui64"], args["nwk"])
        return {}

    def _get_address(self, args: Args) -> Values:
        eui64, nwk = self._address(args["index"])
        return {"status": Status.OK if nwk != _NO_NODE else Status.NOT_FOUND, "nwk": nwk, "eui64": eui64}

    @property
    def _keys(self) -> dict[int, tuple[str, str]]:
        return self._core.nvm.link_keys

    def _clear_keys(self, args: Args) -> Values:
        del args
        self._keys.clear()
        self._core.surroundings.changed(lasting=True)
        return {}

    def _index_of(self, eui64: bytes) -> int | None:
        ieee = addresses.as_text(eui64)
        return next((index for index, (partner, _) in self._keys.items() if partner == ieee), None)

    def _find_key(self, args: Args) -> Values:
        index = self._index_of(args["address"])
        return {"index": _NO_KEY if index is None else index}

    def _erase_key(self, args: Args) -> Values:
        if self._keys.pop(args["index"], None) is None:
            return {"status": Status.INVALID_INDEX}
        self._core.surroundings.changed(lasting=True)
        return {}

    def _import_key(self, args: Args) -> Values:
        return self._put_key(args["index"], args["address"], args["key"])

    def _add_key(self, args: Args) -> Values:
        index = self._index_of(args["address"])
        if index is None:
            index = next(free for free in range(_KEY_TABLE_SIZE + 1) if free not in self._keys)
        return self._put_key(index, args["address"], args["keyData"])

    def _put_key(self, index: int, eui64: bytes, key: bytes) -> Values:
        if index >= _KEY_TABLE_SIZE:
            return {"status": Status.INVALID_INDEX}
        self._keys[index] = (addresses.as_text(eui64), key.hex())
        self._core.surroundings.changed(lasting=True)
        return {}

    def _key(self, index: int) -> tuple[bytes, bytes] | None:
        entry = self._keys.get(index)
        return None if entry is None else (addresses.as_bytes(entry[0]), bytes.fromhex(entry[1]))

    def _export_key(self, args: Args) -> Values:
        found = self._key(args["index"])
        if found is None:
            return {"status": Status.NOT_FOUND}
        context: dict[str, Any] = {"key_index": args["index"], "eui64": found[0]}
        return {"eui64": found[0], "plaintext_key": found[1], "context": context}

    def _get_key(self, args: Args) -> Values:
        if args["index"] >= _KEY_TABLE_SIZE:
            return {"status": Status.INVALID_INDEX}
        found = self._key(args["index"])
        if found is None:
            return {"status": Status.NOT_FOUND}
        return {"keyStruct": {"type": 5, "bitmask": 0, "key": found[1], "partnerEUI64": found[0]}}
