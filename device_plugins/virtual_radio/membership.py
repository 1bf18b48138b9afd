"""Who is on the network: devices join, come back, leave, and quarrel about an address; the host is told."""

import asyncio
import random
from typing import Protocol

from device_plugins.virtual_radio import addresses, install_codes, strays
from device_plugins.virtual_radio.device import VirtualDevice
from device_plugins.virtual_radio.errors import RadioError
from device_plugins.virtual_radio.mesh import Mesh
from device_plugins.virtual_radio.ncp import Ncp
from device_plugins.virtual_radio.sleep import AWAKE_JOINED_S
from device_plugins.virtual_radio.timers import Timers

# A device announces itself this many latencies after it has joined.
_ANNOUNCE_AFTER = 4
# How trustCenterJoinHandler tells what happened, and what the trust centre decided.
_REJOINED, _JOINED, _LEFT = 0, 1, 2
_USE_LINK_KEY, _NO_ACTION = 0, 3


class Owner(Protocol):
    """The radio."""

    timers: Timers

    def changed(self, *, lasting: bool) -> None:
        """Remember the home."""

    def noticed(self, event: str, sender: VirtualDevice, **facts: object) -> None:
        """Tell whoever watches the radio."""


class Membership:
    """RadioError tells in one sentence what cannot be done."""

    def __init__(self, owner: Owner, ncp: Ncp, mesh: Mesh, seed: int) -> None:
        self._owner = owner
        self._ncp = ncp
        self._mesh = mesh
        self._random = random.Random(seed)  # noqa: S311 - addresses need not be secret

    def join(self, device: VirtualDevice, through: VirtualDevice | None) -> None:
        """Let a device in, as from the factory, through a router or whoever is best."""
        network = self._ncp.core.nvm.network
        if network is None or not self._ncp.core.listens:
            raise RadioError("The network is not up: start the host first, so that it forms or resumes one.")
        if self._mesh.is_joined(device):
            raise RadioError(f"{device.name!r} has joined already: let it leave first, or rejoin.")
        if strays.channel_of(device) is not None:
            raise RadioError(f"{device.name!r} is on another network: let the host reset it by touchlink first.")
        parent = self._door(through)
        code = device.install_code
        if code and self._ncp.core.transient_keys.get(device.ieee) != install_codes.link_key(code):
            raise RadioError(f"{device.name!r} joins only with its install code: let the host permit it with that.")
        device.factory_reset()
        device.network = network.identity
        device.parent = parent
        device.short = self._free_address()
        device.changes += 1
        device.sleep.rouse(AWAKE_JOINED_S)
        self._settle(device, _JOINED, "joined")

    def rejoin(self, device: VirtualDevice) -> None:
        """Let a device come back with a new short address."""
        self._check(device)
        device.short = self._free_address()
        device.changes += 1
        device.sleep.rouse(AWAKE_JOINED_S)
        self._settle(device, _REJOINED, "rejoined")

    def leave(self, device: VirtualDevice) -> None:
        """Let a device leave by itself."""
        self._check(device)
        nwk = device.short
        device.factory_reset()
        self._owner.changed(lasting=True)
        self._tell(device, nwk, _LEFT, _NO_ACTION)
        self._owner.noticed("left", device)

    def conflict(self, device: VirtualDevice) -> None:
        """Let another node claim a device's short address: the host is told, and the device announces a new one."""
        self._check(device)
        if self._ncp.core.up:
            self._ncp.callback("idConflictHandler", {"nodeId": device.short})
        device.short = self._free_address()
        device.changes += 1
        self._owner.changed(lasting=True)
        self._announce(device)
        self._owner.noticed("conflict", device, nwk=device.short)

    def _check(self, device: VirtualDevice) -> None:
        if not self._mesh.is_joined(device):
            raise RadioError(f"{device.name!r} is not on the network: let it join first.")

    def _door(self, through: VirtualDevice | None) -> str:
        """Return the router that lets a device in, nothing for the coordinator; RadioError when all are closed."""
        if through is None and self._ncp.core.permits():
            return ""
        now = asyncio.get_running_loop().time()
        for router in self._mesh.joined() if through is None else [through]:
            if router.permit_until > now and router.reachable and self._mesh.is_joined(router):
                return router.ieee
        raise RadioError("Joining is closed: let the host permit joining first.")

    def _free_address(self) -> int:
        taken = {device.short for device in self._mesh.joined()}
        while (nwk := self._random.randrange(1, addresses.FIRST_RESERVED_NWK)) in taken:
            pass
        return nwk

    def _settle(self, device: VirtualDevice, how: int, event: str) -> None:
        self._owner.changed(lasting=True)
        self._tell(device, device.short, how, _USE_LINK_KEY)
        self._announce(device)
        self._owner.noticed(event, device, nwk=device.short)

    def _announce(self, device: VirtualDevice) -> None:
        self._owner.timers.after(self._ncp.latency * _ANNOUNCE_AFTER, device.announce)

    def _tell(self, device: VirtualDevice, nwk: int, how: int, decision: int) -> None:
        if self._ncp.core.up:
            parent = addresses.COORDINATOR_NWK if how == _LEFT else self._mesh.parent_nwk(device)
            values = {
                "newNodeId": nwk,
                "newNodeEui64": addresses.as_bytes(device.ieee),
                "status": how,
                "policyDecision": decision,
                "parentOfNewNodeId": parent,
            }
            self._ncp.callback("trustCenterJoinHandler", values)
