"""The engines a host makes Contexts from."""

from dataclasses import dataclass
from pathlib import Path

from hub.api import Clock
from hub.bus import EventBus
from hub.services import ServiceRegistry
from hub.state import StateEngine
from hub.storage import StorageEngine


@dataclass(frozen=True, slots=True)
class Core:
    """One hub's engines; `data_dir` is the folder that holds everything it remembers."""

    bus: EventBus
    services: ServiceRegistry
    state: StateEngine
    storage: StorageEngine
    clock: Clock
    data_dir: Path
