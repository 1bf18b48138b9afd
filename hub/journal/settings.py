"""A journal as the configuration and the plugins' manifests have it."""

from collections.abc import Iterable

from hub.api import Clock
from hub.bus import EventBus
from hub.config import Config, JournalSection
from hub.journal import Journal
from hub.journal.file import JournalFile
from hub.journal.numbers import NAMESPACE
from hub.journal.retention import Limits
from hub.journal.rules import Rules
from hub.manifest import Manifest
from hub.state import StateEngine
from hub.storage import StorageEngine
from hub.tasks import TaskGroup

_MIB = 1_048_576


def journal_of(  # noqa: PLR0913, PLR0917 - what it joins
    settings: Config,
    found: Iterable[Manifest],
    bus: EventBus,
    state: StateEngine,
    storage: StorageEngine,
    tasks: TaskGroup,
    clock: Clock,
) -> Journal:
    """Make the journal of a hub with these plugins."""
    return Journal(
        JournalFile(settings.telemetry, _limits(settings.journal)),
        _rules(settings.journal, [*found]),
        bus=bus,
        state=state,
        store=storage.namespace(NAMESPACE),
        tasks=tasks,
        clock=clock,
        commit_window=settings.journal.commit_window,
    )


def _rules(section: JournalSection, found: Iterable[Manifest]) -> Rules:
    alarms = ["storage.*", *(rule for one in found for rule in one.journal.alarm)]
    bulk = [rule for one in found for rule in one.journal.bulk]
    return Rules(section.ignore, section.alarm, section.bulk, alarms, bulk)


def _limits(section: JournalSection) -> Limits:
    days, mib = section.days, section.limits_mib
    return Limits(
        section.mib * _MIB,
        (mib.alarm * _MIB, mib.normal * _MIB, mib.bulk * _MIB),
        (days.alarm, days.normal, days.bulk),
    )
