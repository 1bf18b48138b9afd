"""A journal as the configuration and the plugins' manifests have it."""

from hub.api import Clock
from hub.bus import EventBus
from hub.config import Config, JournalSection
from hub.journal import Journal
from hub.journal.file import JournalFile
from hub.journal.numbers import NAMESPACE
from hub.journal.retention import Limits
from hub.journal.rules import Rules
from hub.manifest import Kept
from hub.state import StateEngine
from hub.storage import StorageEngine
from hub.tasks import TaskGroup

_MIB = 1_048_576


def journal_of(  # noqa: PLR0913, PLR0917 - what it joins
    settings: Config,
    wishes: Kept,
    bus: EventBus,
    state: StateEngine,
    storage: StorageEngine,
    tasks: TaskGroup,
    clock: Clock,
) -> Journal:
    """Make the journal of a hub whose plugins have these wishes."""
    return Journal(
        JournalFile(settings.telemetry, _limits(settings.journal)),
        _rules(settings.journal, wishes),
        bus=bus,
        state=state,
        store=storage.namespace(NAMESPACE),
        tasks=tasks,
        clock=clock,
        commit_window=settings.journal.commit_window,
    )


def _rules(section: JournalSection, wishes: Kept) -> Rules:
    return Rules(section.ignore, section.alarm, section.bulk, ["storage.*", *wishes.alarm], wishes.bulk)


def _limits(section: JournalSection) -> Limits:
    days, mib = section.days, section.limits_mib
    return Limits(
        section.mib * _MIB,
        (mib.alarm * _MIB, mib.normal * _MIB, mib.bulk * _MIB),
        (days.alarm, days.normal, days.bulk),
    )
