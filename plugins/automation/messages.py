"""What automations tell: their events, how they are listed, and their errors."""

import msgspec

from hub.api import HubError, event


@event("automation.ran")
class Ran(msgspec.Struct, frozen=True, gc=False):
    """An automation ran to its end; the subject is `automation/<id>`.

    `trigger` is the subject of what set it off, `actions` counts what it did, `duration_ms` includes its delays.
    """

    rule: str
    trigger: str
    actions: int
    duration_ms: float


@event("automation.failed")
class Failed(msgspec.Struct, frozen=True, gc=False):
    """A run ended at the action with this number (from 1); those behind it did not run."""

    rule: str
    trigger: str
    action: int
    error: str
    code: str


class AutomationInfo(msgspec.Struct, frozen=True):
    """One automation as listed. `kind` is rule or python; `status` is active, waiting, error or disabled.

    `runs` counts what was begun, `skipped` triggers that came while it was busy. `last_run` is wall time in ns since
    1970, 0 for never.
    """

    id: str
    name: str
    kind: str
    file: str
    status: str
    reason: str
    enabled: bool
    runs: int
    failures: int
    skipped: int
    last_run: int
    last_error: str


class AutomationError(HubError):
    """An automation cannot do what was asked."""

    code = "automation"


class UnknownAutomationError(AutomationError):
    """No automation has this id."""

    code = "unknown_automation"
