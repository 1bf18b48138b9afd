"""The groups of the network: who is in them, on the devices and in the records; each is announced as a device."""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

import msgspec

from device_plugins.sdk import DeviceError, DevicePlugin, Feature, InvalidValueError, UnknownDeviceError
from device_plugins.zigbee.group_device import Group, Member, availability_of, device_of, value_of
from device_plugins.zigbee.known import Known
from device_plugins.zigbee.mapping.status import SUCCESS
from device_plugins.zigbee.network import Radio
from device_plugins.zigbee.queues import Job, Queues
from hub.api import Event, HubError, Undo

LOG = logging.getLogger("hub.zigbee")

GROUPS, SCENES = 0x0004, 0x0005
_ADD, _REMOVE = 0x00, 0x03
_DUPLICATE, _NOT_FOUND, _NO_SPACE = 0x8A, 0x8B, 0x89
_STORED, _LAST = "group/", "last group"
# Numbers above are reserved (Zigbee 3.6.1.10).
_LAST_NUMBER = 0xFFF7
_MOST_GROUPS, _MOST_MEMBERS, _MOST_NAME = 256, 200, 64


class Groups:
    """All groups by number, and the state that follows from their members'."""

    def __init__(
        self, plugin: DevicePlugin, known: Mapping[str, Known], queues: Queues, radio: Callable[[], Radio]
    ) -> None:
        self.all: dict[int, Group] = {}
        self.stirred: set[asyncio.Event] = set()
        """Set whenever a member's state changes."""
        self._plugin, self._known, self._queues, self._radio = plugin, known, queues, radio
        self._undos: dict[int, list[Undo]] = {}
        self._lock = asyncio.Lock()

    async def load(self) -> None:
        """Recall and announce the groups."""
        for _, value in await self._plugin.ctx.storage.list(_STORED):
            group = msgspec.convert(value, Group)
            self.all[group.number] = group
            await self._announce(group)

    def find(self, group: str) -> Group:
        """A group by number, id or the name it was made with.

        Raises UnknownDeviceError.
        """
        if (found := self.named(group)) is not None:
            return found
        there = ", ".join(one.name for one in self.all.values()) or "none"
        raise UnknownDeviceError(f"there is no group {group[:80]!r}; there are: {there}")

    def named(self, group: str) -> Group | None:
        """A group by number, id or the name it was made with, if there is one."""
        for one in self.all.values():
            if group in {str(one.number), one.id} or group.casefold() == one.name.casefold():
                return one
        return None

    async def create(self, name: str, members: Iterable[Member]) -> Group:
        """Make a group.

        Raises InvalidValueError, or what `add` raises; the group is there all the same then, with those who took it.
        """
        name = name.strip()
        async with self._lock:
            if not 0 < len(name) <= _MOST_NAME:
                raise InvalidValueError(f"a group's name has 1 to {_MOST_NAME} characters")
            if any(one.name.casefold() == name.casefold() for one in self.all.values()):
                raise InvalidValueError(f"there is a group {name!r} already; choose another name")
            if len(self.all) >= _MOST_GROUPS:
                raise InvalidValueError(f"there are {_MOST_GROUPS} groups already; delete one first")
            number = await self._new_number()
            group = self.all[number] = Group(number, name)
            await self._save(group)
        await self.add(group, members)
        return group

    async def add(self, group: Group, members: Iterable[Member]) -> None:
        """Have devices join a group. Raises DeviceError that names those which did not; the others did."""
        wanted = [one for one in members if one not in group.members]
        if len(group.members) + len(wanted) > _MOST_MEMBERS:
            raise InvalidValueError(f"a group has at most {_MOST_MEMBERS} members")
        async with self._lock:
            failed = await self.each(wanted, lambda one: self._enter(group, one))
            group.members = sorted({*group.members, *wanted} - failed.keys())
            await self._save(group)
        _complain(group, "added to", failed)

    async def remove(self, group: Group, members: Iterable[Member]) -> None:
        """Have devices leave a group. Raises DeviceError that names those which did not; the others did."""
        gone = [one for one in members if one in group.members]
        async with self._lock:
            failed = await self.each(gone, lambda one: self._leave(group, one))
            group.members = sorted({*group.members} - ({*gone} - failed.keys()))
            await self._save(group)
        _complain(group, "removed from", failed)

    async def delete(self, group: Group) -> None:
        """Forget a group, and tell its members in the background."""
        async with self._lock:
            self.all.pop(group.number, None)
            self._unwatch(group)
            await self._plugin.ctx.storage.delete(f"{_STORED}{group.number}", durable=True)
        self._plugin.ctx.tasks.start(f"disband {group.id}", self._disband(group))

    async def dropped(self, ieee: str) -> None:
        """A device was removed: it is in no group any more."""
        for group in [*self.all.values()]:
            left = [one for one in group.members if one.ieee != ieee]
            if len(left) < len(group.members):
                group.members = left
                await self._save(group)

    async def restore(self, known: Known) -> list[str]:
        """Put a device that has joined anew into its groups again; returns what it would not, in sentences."""
        places = [(group, one) for group in self.all.values() for one in group.members if one.ieee == known.ieee]
        problems = []
        for group, member in places:
            try:
                await self._enter(group, member)
            except HubError as error:
                problems.append(f"group {group.name}: {error}")
        for group in {group.number: group for group, _ in places}.values():
            await self._announce(group)  # what it can do may have changed
        return problems

    async def save(self, group: Group) -> None:
        """Remember a group as it is now."""
        async with self._lock:
            await self._save(group)

    def members(self, group: Group) -> Iterator[tuple[Member, Known]]:
        """The members that are known."""
        for one in group.members:
            if (known := self._known.get(one.ieee)) is not None:
                yield one, known

    def known(self, member: Member) -> Known | None:
        """The device of a member."""
        return self._known.get(member.ieee)

    def ready_radio(self) -> Radio:
        """The radio. Raises UnreachableError when it is down."""
        return self._radio()

    # On the air

    async def _enter(self, group: Group, member: Member) -> None:
        answer = await self.ask(member, GROUPS, _ADD, group.number, "")
        _check(member, answer[0], also=_DUPLICATE)

    async def _leave(self, group: Group, member: Member) -> None:
        answer = await self.ask(member, GROUPS, _REMOVE, group.number)
        _check(member, answer[0], also=_NOT_FOUND)

    async def ask(self, member: Member, cluster: int, command: int, *fields: int | str) -> tuple[int, ...]:
        """Ask a member in its turn; returns the numbers of its answer."""
        links = self._radio().links(member.ieee)
        found: list[tuple[int, ...]] = []

        async def send() -> None:
            found.append(await links.ask(member.endpoint, cluster, command, *fields))

        await self._queues.do(member.id, Job(f"0x{cluster:04X}", f"0x{command:02X}", send))
        return found[-1]

    async def each(
        self, members: Iterable[Member], work: Callable[[Member], Awaitable[object]]
    ) -> dict[Member, HubError]:
        """Do something with each member at the same time; returns who failed, and why."""
        failed: dict[Member, HubError] = {}

        async def one(member: Member) -> None:
            try:
                await work(member)
            except HubError as error:
                failed[member] = error

        start = self._plugin.ctx.tasks.start
        await asyncio.gather(*(start(f"group member {member.id}", one(member)) for member in members))
        return failed

    async def _disband(self, group: Group) -> None:
        failed = await self.each(group.members, lambda one: self._leave(group, one))
        for member, error in failed.items():
            LOG.warning("%s was not told that group %s is gone: %s", member.id, group.name, error)

    # In the records and in state

    async def _new_number(self) -> int:
        """A number that no group had: a member that was not told of its end would be in the new one too."""
        storage = self._plugin.ctx.storage
        last = await storage.get(_LAST, 0)
        number = last + 1 if last < _LAST_NUMBER else next(one for one in range(1, _LAST_NUMBER) if one not in self.all)
        await storage.set(_LAST, max(last, number))
        return int(number)

    async def _save(self, group: Group) -> None:
        value = msgspec.to_builtins(group)
        await self._plugin.ctx.storage.set(f"{_STORED}{group.number}", value, durable=True)
        await self._announce(group)

    async def _announce(self, group: Group) -> None:
        device = device_of(group, [features_of(known, one.endpoint) for one, known in self.members(group)])
        await self._plugin.announce(device)
        self._unwatch(group)
        watch = self._plugin.ctx.state.watch
        undos = self._undos[group.number] = []
        for feature in device.features:
            for one, known in self.members(group):
                if key := known.key_of(feature.capability, one.endpoint):
                    path = f"device/{known.id}/{key}"
                    undos.append(watch(path, functools.partial(self._follow, group, feature.capability)))
            self._follow(group, feature.capability)
        for _, known in self.members(group):
            undos.append(watch(f"device/{known.id}/availability", functools.partial(self._available, group)))
        self._available(group)

    def _unwatch(self, group: Group) -> None:
        for undo in self._undos.pop(group.number, ()):
            undo()

    def _follow(self, group: Group, capability: str, _: Event | None = None) -> None:
        get = self._plugin.ctx.state.get
        keys = [(known, known.key_of(capability, one.endpoint)) for one, known in self.members(group)]
        value = value_of(get(f"device/{known.id}/{key}") for known, key in keys if key)
        if value is None:
            self._plugin.ctx.state.delete(f"device/{group.id}/{capability}")
        else:
            self._plugin.report(group.id, capability, value)
        for event in self.stirred:
            event.set()

    def _available(self, group: Group, _: Event | None = None) -> None:
        status, reason = availability_of(known.status for _, known in self.members(group))
        self._plugin.available(group.id, status, reason)


def features_of(known: Known, endpoint: int) -> list[Feature]:
    """What one endpoint of a device has."""
    return [one for one in known.mapping.features if one.endpoint == endpoint]


def _check(member: Member, status: int, also: int) -> None:
    if status not in {SUCCESS, also}:
        why = "it has no room for another group" if status == _NO_SPACE else f"it refused, status 0x{status:02X}"
        raise DeviceError(f"{member.id}: {why}", device=member.id)


def _complain(group: Group, what: str, failed: Mapping[Member, HubError]) -> None:
    if failed:
        who = "; ".join(f"{member.id}: {error}" for member, error in failed.items())
        raise DeviceError(f"{len(failed)} not {what} group {group.name}: {who}", device=group.id)
