"""How much is written by whom, over all restarts, and how long the card under the hub will last."""

import asyncio
from typing import Annotated, ClassVar, override

import msgspec

from hub.api import Context, HubError, Plugin, service
from plugins.wear.disk import disk_size, life
from plugins.wear.totals import Kept, WearReport, card_of, counted, grown, report

_KEY = "totals"

type Cycles = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
type Gigabytes = Annotated[float, msgspec.Meta(ge=0, le=100_000)]


class WearConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The card: `card_gb` in 10⁹ bytes (0: detected), and how many write `cycles` its maker promises.

    `amplification` is how many bytes it writes inside for each it is given. Counts are kept `every` so many seconds.
    """

    card_gb: Gigabytes = 0.0
    cycles: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1000
    amplification: Annotated[float, msgspec.Meta(ge=1, le=1000)] = 4.0
    every: Annotated[float, msgspec.Meta(ge=10, le=86_400)] = 3600.0


class Wear(Plugin):
    """Adds up what the hub counts, now and then and when it stops."""

    Config: ClassVar[type[msgspec.Struct] | None] = WearConfig

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self._settings: WearConfig = ctx.config
        self._kept = Kept()
        self._detected = 0
        self._run = ""

    @override
    async def start(self) -> None:
        """Take up what was counted before."""
        self._run = await asyncio.to_thread(life)
        self._detected = await asyncio.to_thread(disk_size, self.ctx.data_dir.parent.parent)
        try:
            self._kept = msgspec.convert(await self.ctx.storage.get(_KEY, {}), Kept)
        except msgspec.ValidationError as error:
            self.ctx.log.warning("What was written before is not known any more, counting begins anew: %s", error)
        self.ctx.tasks.start("keeps", self._keep_on())

    @override
    async def stop(self) -> None:
        """Keep the counts."""
        await self._keep()

    @service
    async def report(self, card_gb: Gigabytes = 0.0, cycles: Cycles = 0) -> WearReport:
        """Who wrote how much since the hub was set up, and how long its card, or one like this, lasts at that pace."""
        await self._look()
        settings = self._settings
        card = card_of(card_gb or settings.card_gb, self._detected, cycles or settings.cycles, settings.amplification)
        return report(self._kept.total, card)

    async def _keep_on(self) -> None:
        while True:
            await self.ctx.clock.sleep(self._settings.every)
            try:
                await self._keep()
            except HubError as error:
                self.ctx.log.warning("What was written is not kept for now: %s", error)

    async def _keep(self) -> None:
        await self._look()
        await self.ctx.storage.set(_KEY, msgspec.to_builtins(self._kept))

    async def _look(self) -> None:
        now = counted(await self.ctx.services.call("hub.statistics"))
        self._kept = grown(self._kept, self._run, now)
