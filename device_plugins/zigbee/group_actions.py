"""Commands to a group: one frame for all, then each member's word that it worked, or the command again for it alone."""

import asyncio
import functools
from collections.abc import Iterable
from typing import Any

from device_plugins.sdk import DeviceError, DevicePlugin, Feature, UnreachableError, UnsupportedError
from device_plugins.zigbee.actions import ABSOLUTE, Actions
from device_plugins.zigbee.group_device import Group, Member
from device_plugins.zigbee.groups import SCENES, Groups, features_of
from device_plugins.zigbee.joining import SilentError, read_values
from device_plugins.zigbee.known import Known
from device_plugins.zigbee.mapping import Plan, Point, Send, plan
from device_plugins.zigbee.queues import Job

# Members that report do so within this long (s); those that are still silent are read. Nobody waits for a transition.
_REPORT_GRACE, _LONGEST_WAIT = 1.0, 3.0
_RECALL = 0x05

type _Expected = tuple[dict[str, Any], dict[str, int]]
"""What a member should tell, by key, `None` for another value than now; and the versions of the state now."""


class GroupActions:
    """What a group is told."""

    def __init__(self, plugin: DevicePlugin, groups: Groups, actions: Actions) -> None:
        self._plugin, self._groups, self._actions = plugin, groups, actions

    async def carry_out(self, group: Group, key: str, command: str, arguments: dict[str, Any]) -> None:
        """Tell all members, and return when each has done it.

        Raises UnsupportedError, or UnreachableError that names the members which did not answer.
        """
        feature = self._plugin.devices[group.id].feature(key)
        if feature is None:
            raise UnsupportedError(f"group {group.name} has no {key!r}: not all its members do", device=group.id)
        if command == "toggle":
            # Each member would go its own way; what the owner sees goes over.
            command = "off" if self._plugin.ctx.state.get(f"device/{group.id}/{feature.key}") else "on"
        send = functools.partial(self._send, group, feature, command, arguments)
        # It is sent again to each member by itself.
        job = Job(feature.key, command, send, absolute=command in ABSOLUTE, again=False)
        await self._actions.queues.do(group.id, job)

    async def recall(self, group: Group, scene: int, transition: float | None) -> None:
        """Recall a scene; what the members show then is read of those that do not report it."""
        tenths = () if transition is None else (min(round(transition * 10), 0xFFFE),)
        request = Send(SCENES, _RECALL, (group.number, scene, *tenths))
        await self._actions.queues.do(
            group.id,
            Job(f"scene {scene}", "recall", lambda: self._groups.ready_radio().multicast(group.number, request)),
        )
        self._plugin.ctx.tasks.start(f"scene of {group.id}", self._see(group, transition or 0.0))

    async def _send(self, group: Group, feature: Feature, command: str, arguments: dict[str, Any]) -> None:
        is_usual = not any(self._has_own_way(known, one, feature) for one, known in self._groups.members(group))
        wanted = plan(feature, command, arguments) if is_usual else None
        if wanted is None or not isinstance(wanted.request, Send) or wanted.assume is not None:
            await self._one_by_one(group, feature, command, arguments, group.members)
            return
        shared = {one.capability for one in self._plugin.devices[group.id].features}
        expect = {name: value for name, value in wanted.expect.items() if name in shared}
        expected = {one: self._expected(known, one, expect) for one, known in self._groups.members(group)}
        try:
            await self._groups.ready_radio().multicast(group.number, wanted.request)
        except UnsupportedError:
            await self._one_by_one(group, feature, command, arguments, group.members)
            return
        confirm = self._confirm(group, feature, (command, arguments), wanted, expected)
        if wanted.after > _LONGEST_WAIT:
            self._plugin.ctx.tasks.start(f"confirms {group.id}", self._quietly(confirm))
        else:
            await confirm

    def _has_own_way(self, known: Known, member: Member, feature: Feature) -> bool:
        """Whether a member is told otherwise than its capability usually is."""
        control = known.mapping.controls.get(known.key_of(feature.capability, member.endpoint))
        return control is not None and (control.encode is not None or bool(control.table))

    async def _confirm(
        self,
        group: Group,
        feature: Feature,
        told: tuple[str, dict[str, Any]],
        wanted: Plan,
        expected: dict[Member, _Expected],
    ) -> None:
        silent = await self._unconfirmed(expected, wanted.after + _REPORT_GRACE)
        if silent:
            deaf = await self._groups.each(silent, lambda one: self._read(one, self._points(one, wanted.expect)))
            silent = [one for one in silent if one in deaf or not self._is_true(one, _definite(expected[one]))]
        command, arguments = told
        if silent and command in ABSOLUTE:
            await self._one_by_one(group, feature, command, arguments, silent)
        elif silent:
            names = ", ".join(one.id for one in silent)
            raise UnreachableError(f"group {group.name}: no answer from {names}", device=group.id)

    async def _one_by_one(
        self, group: Group, feature: Feature, command: str, arguments: dict[str, Any], members: Iterable[Member]
    ) -> None:
        known = dict(self._groups.members(group))

        async def tell(one: Member) -> None:
            if one in known and (key := known[one].key_of(feature.capability, one.endpoint)):
                await self._actions.carry_out(known[one], key, command, arguments)

        failed = await self._groups.each(members, tell)
        if failed:
            who = "; ".join(str(error) for error in failed.values())
            raise UnreachableError(
                f"group {group.name}: {len(failed)} of {len(group.members)} members did not do it: {who}",
                device=group.id,
            )

    async def _quietly(self, confirm: Any) -> None:  # noqa: ANN401 - a coroutine
        try:
            await confirm
        except DeviceError as error:
            self._plugin.ctx.log.warning("%s", error)

    # What the members say

    def _expected(self, known: Known, member: Member, expect: dict[str, Any]) -> _Expected:
        """What a member should tell, and the versions of it now; nothing of one that sleeps, is away or cannot tell."""
        if not known.record.signature.mains or known.status == "offline":
            return {}, {}
        keys = {
            known.key_of(name, member.endpoint): value
            for name, value in expect.items()
            if known.points_of(name, member.endpoint)
        }
        entries = {key: self._plugin.ctx.state.entry(f"device/{known.id}/{key}") for key in keys}
        return keys, {key: entry.version if entry else 0 for key, entry in entries.items()}

    def _is_true(self, member: Member, what: _Expected) -> bool:
        expected, before = what
        for key, value in expected.items():
            entry = self._plugin.ctx.state.entry(f"device/{member.id}/{key}")
            if entry is None:
                return False
            if entry.version == before[key] if value is None else entry.value != value:
                return False
        return True

    async def _unconfirmed(self, expected: dict[Member, _Expected], limit: float) -> list[Member]:
        """Wait until all have told what is expected, at most `limit` seconds; returns who has not."""
        stirred = asyncio.Event()
        undo = self._plugin.ctx.clock.call_later(limit, stirred.set)
        ends = self._plugin.ctx.clock.monotonic() + limit
        self._groups.stirred.add(stirred)
        try:
            while silent := [one for one, what in expected.items() if not self._is_true(one, what)]:
                if self._plugin.ctx.clock.monotonic() >= ends:
                    return silent
                await stirred.wait()
                stirred.clear()
        finally:
            undo()
            self._groups.stirred.discard(stirred)
        return []

    def _points(self, member: Member, names: Iterable[str]) -> list[Point]:
        known = self._groups.known(member)
        return [point for name in names for point in known.points_of(name, member.endpoint)] if known else []

    async def _read(self, member: Member, points: list[Point]) -> None:
        known = self._groups.known(member)
        if known is not None and (node := known.node) is not None and points:
            try:
                async with self._actions.lanes.background(known.id):
                    await read_values(node, points)
            except SilentError:
                known.silent(node)
                raise

    async def _see(self, group: Group, transition: float) -> None:
        """Read what the members show, unless they tell it by themselves."""
        watched = {
            one: ({f.key: None for f in features_of(known, one.endpoint) if f.commands}, known)
            for one, known in self._groups.members(group)
            if known.record.signature.mains
        }
        versions = {one: self._versions(one, keys) for one, (keys, _) in watched.items()}
        await self._plugin.ctx.clock.sleep(transition + _REPORT_GRACE)
        quiet = [one for one, (keys, _) in watched.items() if self._versions(one, keys) == versions[one]]
        await self._groups.each(
            quiet, lambda one: self._read(one, self._points(one, {k.partition(".")[0] for k in watched[one][0]}))
        )

    def _versions(self, member: Member, keys: Iterable[str]) -> dict[str, int]:
        entries = {key: self._plugin.ctx.state.entry(f"device/{member.id}/{key}") for key in keys}
        return {key: entry.version if entry else 0 for key, entry in entries.items()}


def _definite(what: _Expected) -> _Expected:
    """Without what may have stayed as it was: the brightest lamp cannot be brighter."""
    expected, before = what
    return {key: value for key, value in expected.items() if value is not None}, before
