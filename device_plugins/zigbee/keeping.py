"""Services about the stick: its backup, on demand and by itself, and its restore onto another one."""

import asyncio
import os

import msgspec

from device_plugins.sdk.files import read_at_most, write_private
from device_plugins.zigbee.backups import LARGEST, BackupFacts, Findings, read
from device_plugins.zigbee.base import ZigbeePlugin
from device_plugins.zigbee.loading import examine_restore, list_radios, restore
from device_plugins.zigbee.network import Radio, RadioError
from device_plugins.zigbee.sticks import SerialPort
from hub.api import Limits, Task, service

BACKUP, RESTORE = "coordinator-backup.json", "coordinator-restore.json"
_REMEMBER_FIRST, _REMEMBER_AGAIN = 60.0, 6 * 3600.0


class KeptBackup(msgspec.Struct, frozen=True):
    """A backup and where it is; it holds the network's key, so only the hub's user can read it."""

    path: str
    backup: BackupFacts


class CoordinatorServices(ZigbeePlugin):
    """`zigbee.backup`, `.restore_check`, `.restore` and `.radios`."""

    _remembering: Task[None] | None = None

    @service(limits=Limits(concurrency=1))
    async def backup(self) -> KeptBackup:
        """Write the network, with its keys, to a file in the plugin's folder, as an Open Coordinator Backup.

        It is written every six hours as well, and is in every backup of the hub. The keys are in the file alone.
        """
        await self.whole()
        return await self._keep(self.ready_radio())

    @service(limits=Limits(concurrency=1))
    async def restore_check(self) -> Findings:
        """Say whether the backup `coordinator-restore.json` in the plugin's folder can be written to the stick.

        The network is down for some seconds meanwhile; nothing is changed.
        """
        await self.whole()
        content = await self._given()
        async with self.without_radio("a coordinator backup is being looked at"):
            return await examine_restore(self.settings, self.ctx.data_dir, content)

    @service(limits=Limits(concurrency=1))
    async def restore(self, overwrite: bool = False) -> Findings:  # noqa: FBT001, FBT002 - from JSON
        """Write the backup `coordinator-restore.json` in the plugin's folder to the stick, and remove the file.

        Refused before anything is changed when the stick cannot take it, and, without `overwrite`, when the stick has
        another network. The frame counter goes on far ahead, so that no device takes it for a replay.
        """
        content = await self._given()
        async with self.without_radio("the network is being restored"):
            findings = await restore(self.settings, self.ctx.data_dir, content, overwrite=overwrite)
        await asyncio.to_thread((self.ctx.data_dir / RESTORE).unlink, missing_ok=True)
        self.ctx.log.warning("The network of %s was restored onto the stick", findings.backup.coordinator)
        return findings

    @service(limits=Limits(concurrency=1))
    async def radios(self, probe: bool = False) -> list[SerialPort]:  # noqa: FBT001, FBT002 - from JSON
        """List the serial ports, and which of them are Zigbee sticks; with `probe`, ask those that are not in use.

        It takes up to 20 seconds a stick to find out that none of the libraries gets an answer.
        """
        used = self.radio.info().path if self.radio is not None else ""
        return await list_radios(self.settings, probe=probe, used=used)

    # By itself

    def remember_on(self, radio: Radio) -> None:
        """Keep what a backup of the hub holds of the network fresh from now on: its frame counters above all."""
        self.remember_no_more()
        self._remembering = self.ctx.tasks.start("remembers the network", self._remember(radio))

    def remember_no_more(self) -> None:
        """The radio is gone."""
        if self._remembering is not None:
            self._remembering.cancel()
            self._remembering = None

    async def _remember(self, radio: Radio) -> None:
        wait = _REMEMBER_FIRST  # much is to be done when it has just come up
        while True:
            await self.ctx.clock.sleep(wait)
            wait = _REMEMBER_AGAIN
            try:
                await self._keep(radio)
            except (RadioError, OSError) as error:
                self.ctx.log.warning("%s; it is tried again", error)
                wait = _REMEMBER_FIRST

    async def _keep(self, radio: Radio) -> KeptBackup:
        content = await radio.remember()
        path = self.ctx.data_dir / BACKUP
        await asyncio.to_thread(write_private, path, content)
        return KeptBackup(str(path), read(content)[1])

    async def _given(self) -> bytes:
        path = self.ctx.data_dir / RESTORE
        try:
            return await asyncio.to_thread(read_at_most, path, LARGEST)
        except OSError as error:
            why = os.strerror(error.errno or 0)
            raise RadioError(f"cannot read {path}: {why}; `hub zigbee restore` puts it there") from error
