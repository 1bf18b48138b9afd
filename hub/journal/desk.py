"""What the hub offers of its journal, with or without a cursor of one's own, and of its storage."""

from typing import Annotated

import msgspec
from msgspec.structs import replace

from hub.journal import Gap, Journal, Page, Record
from hub.patterns import subject_matcher, type_matcher
from hub.stats import JournalStats
from hub.storage import StorageEngine
from hub.types import StorageWrite

_PAGES = 20  # looked through in one call

type Limit = Annotated[int, msgspec.Meta(ge=1, le=5000)]
type Number = Annotated[int, msgspec.Meta(ge=0)]


class JournalInfo(msgspec.Struct, frozen=True):
    """How the journal fares, where each cursor stands, and what is gone, summed up by class and reason."""

    stats: JournalStats
    cursors: dict[str, int]
    gaps: list[Gap]


class Desk:
    """What the hub offers of its journal and storage."""

    def __init__(self, journal: Journal, storage: StorageEngine) -> None:
        self._journal = journal
        self._storage = storage

    async def status(self) -> JournalInfo:
        """How the journal fares, where its cursors stand and what is gone."""
        journal = self._journal
        return JournalInfo(journal.stats(), await journal.cursors(), await journal.missing())

    async def read(  # noqa: PLR0913, PLR0917 - a query
        self,
        cursor: str = "",
        after: Number = 0,
        limit: Limit = 1000,
        type: str = "**",  # noqa: A002 - the field's word
        subject: str = "#",
        since: int = 0,
        until: int = 0,
    ) -> Page:
        """Events as they were recorded, in order, behind the number `after` or where the cursor stands.

        `since` and `until` are wall times in ns since 1970. Go on behind the page's `upto`; when that does not grow
        there is no more. A cursor stays where it is until it is told that the page was taken, by `hub.acknowledge`.
        """
        place = (await self._journal.cursor(cursor, after=after)).place if cursor else after
        matches, suits = type_matcher(type), subject_matcher(subject)

        def wanted(one: Record) -> bool:
            return (
                (matches is None or matches(one.type))
                and (suits is None or suits(one.subject))
                and since <= one.time
                and (not until or one.time < until)
            )

        found = Page([], [], place)
        for _ in range(_PAGES):
            page = await self._journal.read(found.upto, limit)
            records = [one for one in page.records if wanted(one)][: limit - len(found.records)]
            found = Page([*found.records, *records], [*found.gaps, *page.gaps], page.upto)
            if len(found.records) == limit:
                upto = found.records[-1].seq
                return replace(found, gaps=[gap for gap in found.gaps if gap.first < upto], upto=upto)
            if not page.records:
                break
        return found

    async def acknowledge(self, cursor: str, upto: Number) -> None:
        """Let a cursor go on: it does not read again what goes up to this number."""
        await (await self._journal.cursor(cursor)).acknowledge(upto)

    async def forget(self, cursor: str) -> None:
        """Drop a cursor."""
        await (await self._journal.cursor(cursor)).forget()

    async def check(self) -> list[str]:
        """Look through all that is stored, for damage; tells what was damaged and what was done about it."""
        found = [await self._storage.check(), await self._journal.check()]
        return [one for one in found if one]

    async def log(self, namespace: str = "", prefix: str = "", limit: Limit = 100) -> list[StorageWrite]:
        """Who wrote which key when, the newest first; of one namespace (a plugin's id), and of keys with `prefix`."""
        return [*await self._storage.writes(namespace, prefix, limit)]


SERVICES = {
    "hub.check_storage": Desk.check,
    "hub.storage_log": Desk.log,
    "hub.journal": Desk.status,
    "hub.read_journal": Desk.read,
    "hub.acknowledge": Desk.acknowledge,
    "hub.forget_cursor": Desk.forget,
}
