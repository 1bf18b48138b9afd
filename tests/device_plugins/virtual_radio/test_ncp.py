"""Commands of the NCP that an everyday host seldom sends."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import zigpy.backups

from device_plugins.virtual_radio import VirtualRadio, addresses, ash, zdo
from device_plugins.virtual_radio.ezsp import Command, EzspCodec
from device_plugins.virtual_radio.wire import ApsFrame
from tests.device_plugins.virtual_radio.host import connect, home
from tests.harness import eventually

_OK = 0
_APS = ApsFrame(0x0104, 0x0006, 1, 1, 0, 0, 0)


class Stick:
    """A radio spoken to command by command."""

    def __init__(self, version: int) -> None:
        self.radio = VirtualRadio(version, latency=0.0)
        self._codec = EzspCodec(version)
        self._wire: list[bytes] = []
        self.radio.ncp.link._write = self._wire.append
        self.radio.ncp.link.restart(ash.RESET_SOFTWARE)
        self._wire.clear()

    def send(self, name: str, **args: Any) -> dict[str, Any]:  # noqa: ANN401
        """Send a command and return its answer."""
        self.radio.ncp.link._clear()
        self._wire.clear()
        self.radio.ncp.host_sent(self._codec.encode_command(Command(1, name, args)))
        _, told, values = self._codec.decode_response(self._heard())
        return {"command": told, **values}

    def _heard(self) -> bytes:
        frame = ash.decode(self._wire[0][:-1])
        assert isinstance(frame, ash.Data)
        return frame.payload

    def form(self) -> None:
        self.send("setInitialSecurityState", state={"networkKey": b"k" * 16, "bitmask": 0})
        parameters = {"extendedPanId": b"x" * 8, "panId": 0x1234, "radioChannel": 15, "channels": 1 << 15}
        assert self.send("formNetwork", parameters=parameters)["status"] == _OK


@pytest.fixture(params=[8, 13, 14])
async def stick(request: pytest.FixtureRequest) -> AsyncIterator[Stick]:
    stick = Stick(request.param)
    yield stick
    await stick.radio.close()


async def test_without_a_network_there_is_nothing_to_tell(stick: Stick) -> None:
    assert stick.send("networkState")["status"] == 0
    assert stick.send("getNodeId")["nodeId"] == 0xFFFE
    for name in ("networkInit", "leaveNetwork", "getNetworkParameters", "getCurrentSecurityState"):
        assert stick.send(name)["status"] != _OK
    assert stick.send("permitJoining", duration=60)["status"] != _OK
    assert stick.send("setRadioChannel", channel=20)["status"] != _OK
    unicast = {"message_type": 0, "nwk": 1, "aps_frame": _APS, "message_tag": 1, "message": b"x"}
    assert stick.send("sendUnicast", **unicast)["status"] != _OK
    assert not stick.radio.permits


async def test_a_network_that_is_up_is_neither_formed_again_nor_given_endpoints(stick: Stick) -> None:
    stick.form()
    assert stick.send("formNetwork", parameters={})["status"] != _OK
    args = {"endpoint": 1, "profileId": 260, "deviceId": 5, "deviceVersion": 0, "inputClusterCount": 1,
            "outputClusterCount": 2, "inputClusterList": [6], "outputClusterList": [6, 8]}  # fmt: skip
    assert stick.send("addEndpoint", **args)["status"] != _OK
    stick.radio.reset()
    assert stick.send("addEndpoint", **args)["status"] == _OK
    assert stick.radio.ncp.core.endpoints == {1: zdo.SimpleDescriptor(260, 5, 0, [6], [6, 8])}
    assert stick.send("networkInit", networkInitBitmask=0)["status"] == _OK
    assert stick.send("getNetworkParameters")["parameters"]["panId"] == 0x1234
    assert stick.send("setRadioChannel", channel=20)["status"] == _OK
    assert stick.radio.network is not None
    assert stick.radio.network["channel"] == 20


async def test_what_it_does_not_know_is_refused_and_counted(stick: Stick) -> None:
    assert stick.send("echo", data=b"x")["command"] == "invalidCommand"
    stick.radio.ncp.host_sent(b"\x01\x00\x01\xff\xff")
    assert stick.radio.ncp.unknown["echo"] == 1
    assert sum(stick.radio.ncp.unknown.values()) == 2


async def test_configuration_values_and_policies_last_until_a_reset(stick: Stick) -> None:
    assert stick.send("setConfigurationValue", configId=0x05, value=99)["status"] == _OK
    assert stick.send("setValue", valueId=0x30, value=b"xyz")["status"] == _OK
    assert stick.send("setPolicy", policyId=0, decisionId=3)["status"] == _OK
    assert stick.send("getConfigurationValue", configId=0x05)["value"] == 99
    assert stick.send("getValue", valueId=0x30)["value"] == b"xyz"
    assert stick.send("getPolicy", policyId=0)["decisionId"] == 3
    stick.send("setMulticastTableEntry", index=2, value={"multicastId": 7, "endpoint": 1})
    assert stick.send("getMulticastTableEntry", index=2)["value"]["multicastId"] == 7
    stick.radio.reset()
    assert stick.send("getConfigurationValue", configId=0x05)["value"] == 26
    assert stick.send("getMulticastTableEntry", index=2)["value"]["multicastId"] == 0


async def test_addresses_and_extended_time_outs(stick: Stick) -> None:
    eui64 = addresses.as_bytes(addresses.made(1, 5))
    entry = {"addressTableIndex": 3, "newEui64": eui64, "newId": 0x1111, "newExtendedTimeout": 1}
    assert stick.send("replaceAddressTableEntry", **entry)["oldId"] == 0xFFFF
    assert stick.send("replaceAddressTableEntry", **entry)["oldExtendedTimeout"] == 1
    told = stick.send("getExtendedTimeout", remoteEui64=eui64)
    assert told.get("extendedTimeout", 1) == 1
    stick.send("setExtendedTimeout", remoteEui64=eui64, extendedTimeout=0)
    told = stick.send("getExtendedTimeout", remoteEui64=eui64)
    assert told.get("status") == 1 or told.get("extendedTimeout") == 0
    assert stick.send("lookupEui64ByNodeId", nodeId=0x1111)["eui64"] == b"\xff" * 8
    assert stick.send("lookupNodeIdByEui64", eui64=eui64)["nodeId"] == 0xFFFF
    if stick.radio.ncp._codec.version >= 14:
        assert stick.send("getAddressTableInfo", index=3)["nwk"] == 0x1111
        stick.send("setAddressTableInfo", index=3, eui64=eui64, nwk=0x2222)
        assert stick.send("getAddressTableInfo", index=3)["nwk"] == 0x2222
    else:
        assert stick.send("getAddressTableRemoteNodeId", addressTableIndex=3)["nodeId"] == 0x1111
        assert stick.send("getAddressTableRemoteEui64", addressTableIndex=3)["eui64"] == eui64


async def test_link_keys_are_kept(stick: Stick) -> None:
    partner, key = addresses.as_bytes(addresses.made(1, 5)), b"secret of sixtee"
    if stick.radio.ncp._codec.version >= 13:
        assert stick.send("importLinkKey", index=0, address=partner, key=key)["status"] == _OK
        assert stick.send("importLinkKey", index=99, address=partner, key=key)["status"] != _OK
        assert stick.send("exportLinkKeyByIndex", index=0)["plaintext_key"] == key
        assert stick.send("exportLinkKeyByIndex", index=1)["status"] != _OK
    else:
        for _ in range(2):
            added = stick.send("addOrUpdateKeyTableEntry", address=partner, linkKey=1, keyData=key)
            assert added["status"] == _OK
        assert stick.send("getKeyTableEntry", index=0)["keyStruct"]["key"] == key
        assert stick.send("getKeyTableEntry", index=1)["status"] != _OK
        assert stick.send("getKeyTableEntry", index=99)["status"] != _OK
    assert stick.send("findKeyTableEntry", address=partner, linkKey=1)["index"] == 0
    assert stick.send("eraseKeyTableEntry", index=0)["status"] == _OK
    assert stick.send("eraseKeyTableEntry", index=0)["status"] != _OK
    assert stick.send("findKeyTableEntry", address=partner, linkKey=1)["index"] == 0xFF
    assert stick.send("clearKeyTable")["status"] == _OK


async def test_tokens_are_kept_and_wrong_ones_refused() -> None:
    stick = Stick(14)
    stick.form()
    assert stick.send("getTokenData", token=0x12345, index=0)["status"] != _OK
    assert stick.send("setTokenData", token=0x12345, index=0, token_data=b"abc")["status"] == _OK
    assert stick.send("getTokenData", token=0x12345, index=0)["value"] == b"abc"
    management = stick.send("getTokenData", token=0x1E125, index=0)["value"]
    assert stick.send("setTokenData", token=0x1E125, index=0, token_data=b"short")["status"] != _OK
    changed = management[:6] + b"\x09\x00"
    assert stick.send("setTokenData", token=0x1E125, index=0, token_data=changed)["status"] == _OK
    assert stick.send("getNetworkParameters")["parameters"]["nwkUpdateId"] == 9
    assert stick.send("setTokenData", token=0xE12A, index=0, token_data=b"short")["status"] != _OK
    assert stick.send("exportKey", context={"core_key_type": 9})["status"] != _OK
    assert stick.send("getApsKeyInfo", context_in={"core_key_type": 2})["status"] == _OK
    await stick.radio.close()


@pytest.mark.parametrize("version", [8, 14])
async def test_a_backup_moves_a_home_to_another_stick(version: int) -> None:
    async with home(version) as (radio, host):
        await host.pair(radio, "climate")
        backup = await host.app.backups.create_backup(load_devices=True)
        assert [str(ieee) for ieee in backup.network_info.children] == [device.ieee for device in radio.devices]

    other = VirtualRadio(14, latency=0.0, seed=2)
    app = await connect(other.open_pty())
    await app.backups.restore_backup(zigpy.backups.NetworkBackup.from_dict(backup.as_dict()))
    await app.shutdown()
    app = await connect(other.address)
    assert str(app.state.node_info.ieee) == radio.coordinator == other.coordinator
    assert app.state.network_info.network_key.key == backup.network_info.network_key.key
    assert app.state.network_info.pan_id == backup.network_info.pan_id
    await app.shutdown()
    await eventually(lambda: not other.host_attached)
    await other.close()
