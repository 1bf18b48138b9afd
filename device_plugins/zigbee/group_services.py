"""Services about groups and scenes."""

from typing import Annotated

import msgspec

from device_plugins.sdk import DeviceError, InvalidValueError, UnsupportedError
from device_plugins.zigbee.base import ZigbeePlugin
from device_plugins.zigbee.finding import group_of, known_of, split
from device_plugins.zigbee.group_actions import GroupActions
from device_plugins.zigbee.group_device import Group, Member
from device_plugins.zigbee.groups import GROUPS, SCENES, Groups
from device_plugins.zigbee.mapping.status import SUCCESS
from hub.api import HubError, service

_STORE, _REMOVE_SCENE = 0x04, 0x02
_NOT_FOUND = 0x8B
_MOST_SCENES, _MOST_NAME = 16, 64

type Names = list[str]
type Transition = Annotated[float, msgspec.Meta(ge=0, le=6553)]


class GroupMember(msgspec.Struct, frozen=True):
    """An endpoint of a device in a group."""

    device: str
    endpoint: int


class SceneInfo(msgspec.Struct, frozen=True):
    """A scene of a group."""

    number: int
    name: str


class GroupInfo(msgspec.Struct, frozen=True):
    """A group; `device` is the id under which it takes commands, `name` the one it was made with."""

    number: int
    name: str
    device: str
    members: list[GroupMember]
    scenes: list[SceneInfo]


class GroupServices(ZigbeePlugin):
    """`zigbee.groups`, `.group_…`, `.scene_…`. A group is given by its name, its number or its device's id."""

    grouping: Groups
    group_actions: GroupActions

    @service
    async def groups(self) -> list[GroupInfo]:
        """Show the groups with their members and scenes."""
        return [_info(self.grouping.all[number]) for number in sorted(self.grouping.all)]

    @service
    async def group_create(self, name: str, members: Names | None = None) -> GroupInfo:
        """Make a group of devices, given by id or name, `Hall lamp/2` for its endpoint 2 alone."""
        await self.whole()
        wanted = [one for member in members or [] for one in await self._members(member)]
        return _info(await self.grouping.create(name, wanted))

    @service
    async def group_delete(self, group: str) -> None:
        """Delete a group; members that cannot be told forget it when they are told something else about groups."""
        await self.whole()
        await self.ctx.services.call("devices.remove", device=(await self._find(group)).id)

    @service
    async def group_add(self, group: str, members: Names) -> GroupInfo:
        """Add devices to a group; fails with the names of those that did not confirm, the others are in it."""
        await self.whole()
        found = await self._find(group)
        await self.grouping.add(found, [one for member in members for one in await self._members(member)])
        return _info(found)

    @service
    async def group_remove(self, group: str, members: Names) -> GroupInfo:
        """Remove devices from a group."""
        await self.whole()
        found = await self._find(group)
        wanted = [one for member in members for one in await self._members(member, any_endpoint=True)]
        await self.grouping.remove(found, wanted)
        return _info(found)

    @service
    async def scene_store(self, group: str, scene: str) -> SceneInfo:
        """Have the members of a group remember how they are now, under a name; an existing scene is overwritten."""
        await self.whole()
        found, name = await self._find(group), scene.strip()
        if not 0 < len(name) <= _MOST_NAME:
            raise InvalidValueError(f"a scene's name has 1 to {_MOST_NAME} characters")
        number = _scene(found, name) or _free(found)
        await self._scenes(found, _STORE, number, "stored")
        found.scenes[str(number)] = found.scenes.get(str(number), name)
        await self.grouping.save(found)
        return SceneInfo(number, found.scenes[str(number)])

    @service
    async def scene_recall(self, group: str, scene: str, transition: Transition | None = None) -> None:
        """Have the members of a group become as they were when the scene was stored, within `transition` seconds."""
        await self.whole()
        found = await self._find(group)
        await self.group_actions.recall(found, _known_scene(found, scene), transition)

    @service
    async def scene_remove(self, group: str, scene: str) -> None:
        """Have the members of a group forget a scene."""
        await self.whole()
        found = await self._find(group)
        number = _known_scene(found, scene)
        await self._scenes(found, _REMOVE_SCENE, number, "removed")
        del found.scenes[str(number)]
        await self.grouping.save(found)

    async def _find(self, group: str) -> Group:
        return await group_of(self, self.grouping, group) or self.grouping.find(group)

    async def _members(self, text: str, *, any_endpoint: bool = False) -> list[Member]:
        name, number = split(text)
        known = await known_of(self, self.roster, name)
        able = [
            one.id
            for one in known.record.signature.endpoints
            if (any_endpoint or GROUPS in one.inputs) and number in {0, one.id}
        ]
        if not able:
            raise UnsupportedError(f"{text[:80]} cannot be in a group: it has no Groups cluster", device=known.id)
        return [Member(known.ieee, endpoint) for endpoint in able]

    async def _scenes(self, group: Group, command: int, number: int, what: str) -> None:
        if not group.members:
            raise DeviceError(f"group {group.name} has no members; add some first", device=group.id)

        async def tell(member: Member) -> None:
            status, *_ = await self.grouping.ask(member, SCENES, command, group.number, number)
            if status not in ({SUCCESS, _NOT_FOUND} if command == _REMOVE_SCENE else {SUCCESS}):
                raise DeviceError(f"{member.id} refused, status 0x{status:02X}", device=member.id)

        failed = await self.grouping.each(group.members, tell)
        if failed:
            who = "; ".join(_about(member, error) for member, error in failed.items())
            raise DeviceError(f"the scene was not {what} by {len(failed)} members: {who}", device=group.id)


def _about(member: Member, error: HubError) -> str:
    return str(error) if member.id in str(error) else f"{member.id}: {error}"


def _info(group: Group) -> GroupInfo:
    return GroupInfo(
        number=group.number,
        name=group.name,
        device=group.id,
        members=[GroupMember(one.id, one.endpoint) for one in group.members],
        scenes=[SceneInfo(int(number), name) for number, name in group.scenes.items()],
    )


def _scene(group: Group, scene: str) -> int:
    """The number of a scene by name or number; 0 if there is none."""
    for number, name in group.scenes.items():
        if scene.casefold() == name.casefold() or scene == number:
            return int(number)
    return 0


def _known_scene(group: Group, scene: str) -> int:
    if not (number := _scene(group, scene.strip())):
        there = ", ".join(group.scenes.values()) or "none"
        raise InvalidValueError(f"group {group.name} has no scene {scene[:80]!r}; it has: {there}", device=group.id)
    return number


def _free(group: Group) -> int:
    number = next((one for one in range(1, _MOST_SCENES + 1) if str(one) not in group.scenes), 0)
    if not number:
        raise InvalidValueError(f"group {group.name} has {_MOST_SCENES} scenes already; remove one first")
    return number
