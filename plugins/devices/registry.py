"""The registry of devices: in memory for use, in storage for good, in state for everybody else."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from device_plugins.sdk import Device, DeviceError, InvalidValueError, UnknownDeviceError, check_device, slug
from hub.api import Context, StorageError
from plugins.devices.names import check_area, check_labels, check_name, closest, default_name
from plugins.devices.records import DeviceAdded, DeviceChanged, DeviceRecord, DeviceRemoved, Entry, Stored

_PREFIX = "device/"
_PAGE = 500
_AT_ONCE = 100


class Registry:
    """All devices by id and by name. A change is checked, then on the disk, then true in memory, state and events."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._entries: dict[str, Entry] = {}
        self._by_slug: dict[str, str] = {}
        self._by_id_slug: dict[str, str] = {}
        self._promised: dict[str, Entry] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    # Reading

    def find(self, device: str) -> Entry:
        """The device with this id, name or slug of a name.

        Raises UnknownDeviceError with the closest names.
        """
        entry = self._entries.get(device) or self._entries.get(self._by_slug.get(slug(device), ""))
        if entry is None:
            hint = closest(device, (one.name for one in self._entries.values()))
            shown = f"{device[:80]!r}{hint}"
            raise UnknownDeviceError(f"there is no device {shown}; `hub devices list` shows all", device=device[:80])
        return entry

    def all(self) -> list[Entry]:
        """Every device, by name."""
        return sorted(self._entries.values(), key=lambda entry: entry.name.casefold())

    def record(self, entry: Entry) -> DeviceRecord:
        """The device as its owner sees it now."""
        get = self._ctx.state.get
        stored, device, path = entry.stored, entry.stored.device, f"device/{entry.id}"
        values = ((feature.key, get(f"{path}/{feature.key}")) for feature in device.features)
        return DeviceRecord(
            id=entry.id,
            name=stored.name,
            area=stored.area,
            labels=stored.labels,
            model=device.model,
            manufacturer=device.manufacturer,
            firmware=device.firmware,
            protocol=device.protocol,
            plugin=stored.plugin,
            parent=device.parent,
            features=device.features,
            availability=get(f"{path}/availability", "unknown"),
            availability_reason=get(f"{path}/availability_reason", ""),
            first_seen=stored.first_seen,
            last_seen=get(f"{path}/last_seen", 0),
            values={key: value for key, value in values if value is not None},
        )

    # Changing

    async def announce(self, device: Device, plugin: str) -> None:
        """Take in a device, or what is new about it; an unchanged one writes nothing.

        Raises InvalidValueError or UnsupportedError for a device outside the vocabulary, DeviceError for one that
        belongs to another plugin, StorageError when it cannot be written.
        """
        if (known := self._entries.get(device.id)) is not None and known.stored.device == device:
            self._check_owner(known, plugin)
            self._show(known)
            return
        check_device(device)
        async with self._alone(device.id):
            known = self._entries.get(device.id)
            if known is None:
                name = self._default_name(device)
                entry = Entry(Stored(device, plugin, name, self._ctx.clock.now()))
                await self._save(entry, None)
                told = DeviceAdded(entry.id, name, device.model, device.protocol)
                self._ctx.events.publish("devices.added", f"device/{entry.id}", told)
            else:
                self._check_owner(known, plugin)
                await self._change(known, device=device)

    async def rename(self, entry: Entry, name: str) -> Entry:
        """Give a device a name of its own; it is on the disk when this returns.

        Raises InvalidValueError for a malformed name or one that is taken, naming the holder.
        """
        name = check_name(name)
        async with self._alone(entry.id):
            self._check_present(entry)
            if (holder := self._holder(name, entry.id)) is not None:
                raise InvalidValueError(
                    f"the name {name!r} is taken by {holder.name!r} ({holder.id}); choose another",
                    device=entry.id,
                )
            return await self._change(self._entries[entry.id], name=name)

    async def assign(self, entry: Entry, area: str | None, labels: list[str] | None) -> Entry:
        """Put a device in an area, or give it labels; `None` leaves as it is, an empty one takes away.

        Raises InvalidValueError.
        """
        changes: dict[str, Any] = {}
        if area is not None:
            changes["area"] = check_area(area)
        if labels is not None:
            changes["labels"] = check_labels(labels)
        async with self._alone(entry.id):
            self._check_present(entry)
            return await self._change(self._entries[entry.id], **changes)

    async def remove(self, entry: Entry) -> None:
        """Forget a device and everything that is known of it."""
        async with self._alone(entry.id):
            self._check_present(entry)
            entry = self._entries[entry.id]
            await self._write(entry.id, None, entry)
            del self._entries[entry.id]
            self._by_slug.pop(slug(entry.name), None)
            for path in [f"device/{entry.id}", *self._ctx.state.list(f"device/{entry.id}/")]:
                self._ctx.state.delete(path)
            told = DeviceRemoved(entry.id, entry.name)
            self._ctx.events.publish("devices.removed", f"device/{entry.id}", told)

    async def lost(self, plugin: str, reason: str) -> None:
        """Note that a device plugin is gone: nothing is known of its devices any more.

        Many devices take a while, so that others have their turn; what the plugin tells meanwhile, being back, stands.
        """
        theirs = [one for one in self._entries.values() if one.stored.plugin == plugin]
        versions = [self._version(one) for one in theirs]
        for number, (entry, version) in enumerate(zip(theirs, versions, strict=True)):
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            if entry.id in self._entries and self._version(entry) == version:
                self._unknown(entry, reason)

    # Persistence

    async def restore(self) -> None:
        """Bring back all devices; what cannot be read is logged, left where it is, and does not stop the others."""
        after, passed_over = "", set[str]()
        while page := await self._ctx.storage.list(_PREFIX, after=after, limit=_PAGE):
            passed_over |= self._restore(page)
            after = page[-1][0]
        for path, value in self._ctx.state.list(_PREFIX).items():
            device = path.split("/")[1]
            if value.restored and device not in self._entries and device not in passed_over:
                self._ctx.state.delete(path)  # removed just before the hub was killed

    def _restore(self, page: Iterable[tuple[str, Any]]) -> set[str]:
        """Take up records; returns the ids of those that cannot be read."""
        passed_over = set()
        for key, value in page:
            try:
                stored = msgspec.convert(value, Stored)
            except msgspec.ValidationError as error:
                self._ctx.log.error("The record %s cannot be read and is passed over: %s", key, error)  # noqa: TRY400
                passed_over.add(key.removeprefix(_PREFIX))
                continue
            if (holder := self._holder(stored.name, stored.device.id)) is not None:
                other = self._default_name(stored.device)
                self._ctx.log.warning("%s and %s are both %r: the second is now %r", holder.id, key, stored.name, other)
                stored = msgspec.structs.replace(stored, name=other)
            entry = Entry(stored)
            available = self._ctx.state.entry(f"device/{entry.id}/availability")
            if available is None or available.restored:
                self._unknown(entry, f"plugin {stored.plugin} has not told of it since the hub started")
            self._hold(entry)
        return passed_over

    # Parts

    async def _change(self, old: Entry, **changes: Any) -> Entry:  # noqa: ANN401 - fields of Stored
        entry = Entry(msgspec.structs.replace(old.stored, **changes))
        if entry.stored == old.stored:
            return old
        await self._save(entry, old)
        before, after = self._fields(old), self._fields(entry)
        fields = tuple(field for field, value in after.items() if before[field] != value)
        told = DeviceChanged(entry.id, entry.name, fields)
        self._ctx.events.publish("devices.changed", f"device/{entry.id}", told)
        return entry

    async def _save(self, entry: Entry, old: Entry | None) -> None:
        # Others are written meanwhile, so that they share the disk's time, but none by this name.
        names = {slug(entry.name), slug(entry.id)} - self._promised.keys()
        self._promised |= dict.fromkeys(names, entry)
        try:
            await self._write(entry.id, entry, old)
        finally:
            for name in names:
                del self._promised[name]
        self._hold(entry)

    def _alone(self, device: str) -> asyncio.Lock:
        """What keeps changes of one device apart; it is gone when nobody waits for it."""
        return self._locks.setdefault(device, asyncio.Lock())

    async def _write(self, device: str, entry: Entry | None, old: Entry | None) -> None:
        """Put `entry` on the disk instead of `old`; nothing is no record."""
        try:
            await self._put(device, entry, durable=True)
        except BaseException:
            # The storage may try it again later; what is told as failed must not come true by then.
            with suppress(StorageError):
                await self._put(device, old, durable=False)
            raise

    async def _put(self, device: str, entry: Entry | None, *, durable: bool) -> None:
        key = _PREFIX + device
        if entry is None:
            await self._ctx.storage.delete(key, durable=durable)
        else:
            await self._ctx.storage.set(key, msgspec.to_builtins(entry.stored), durable=durable)

    def _hold(self, entry: Entry) -> None:
        if (old := self._entries.get(entry.id)) is not None:
            del self._by_slug[slug(old.name)]
            keys = ({one.key for one in each.stored.device.features} for each in (old, entry))
            for key in set.difference(*keys):
                self._ctx.state.delete(f"device/{entry.id}/{key}")
        self._entries[entry.id] = entry
        self._by_slug[slug(entry.name)] = entry.id
        self._by_id_slug[slug(entry.id)] = entry.id
        self._show(entry)

    def _show(self, entry: Entry) -> None:
        self._ctx.state.set(f"device/{entry.id}", entry.public())
        if self._ctx.state.entry(f"device/{entry.id}/availability") is None:
            self._unknown(entry, "")

    def _unknown(self, entry: Entry, reason: str) -> None:
        # The reason first: who hears of the change finds it in place.
        self._ctx.state.set(f"device/{entry.id}/availability_reason", reason)
        self._ctx.state.set(f"device/{entry.id}/availability", "unknown")

    def _version(self, entry: Entry) -> int:
        known = self._ctx.state.entry(f"device/{entry.id}/availability")
        return known.version if known is not None else 0

    def _holder(self, name: str, device: str) -> Entry | None:
        """The other device that a name would be taken for."""
        like = slug(name)
        holder = self._entries.get(name) or self._entries.get(self._by_slug.get(like, ""))
        if holder is None:
            holder = self._entries.get(self._by_id_slug.get(like, "")) or self._promised.get(like)
        return holder if holder is not None and holder.id != device else None

    def _default_name(self, device: Device) -> str:
        return default_name(device, lambda wished: self._holder(wished, device.id) is not None)

    def _check_present(self, entry: Entry) -> None:
        if entry.id not in self._entries:
            raise UnknownDeviceError(f"{entry.name} has just been removed", device=entry.id)

    @staticmethod
    def _check_owner(known: Entry, plugin: str) -> None:
        if known.stored.plugin != plugin:
            raise DeviceError(
                f"{plugin} announced {known.id}, which belongs to {known.stored.plugin}; remove it there first",
                device=known.id,
            )

    @staticmethod
    def _fields(entry: Entry) -> dict[str, Any]:
        stored = entry.stored
        own = {"name": stored.name, "area": stored.area, "labels": stored.labels, "plugin": stored.plugin}
        return {field: getattr(stored.device, field) for field in Device.__struct_fields__} | own
