"""One automation in the home: bound to devices as they come, go and change their names."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import tzinfo
from inspect import isawaitable
from pathlib import Path
from typing import Any

import msgspec

from hub.api import Context, Event, HubError, Undo
from plugins.automation.actions import step
from plugins.automation.conditions import Check, check
from plugins.automation.definition import Definition, Handler
from plugins.automation.directory import Directory, NotYetError, Resolver
from plugins.automation.messages import AutomationError, AutomationInfo
from plugins.automation.model import Rule, TimeTrigger
from plugins.automation.python_files import sentence
from plugins.automation.runner import Runner, Step
from plugins.automation.triggers import Fire, Listen, listener, made_event


class House(msgspec.Struct, frozen=True):
    """What every automation works with; `zone` is local time, `None` the machine's own."""

    ctx: Context
    directory: Directory
    zone: tzinfo | None


class _Plan(msgspec.Struct):
    """A definition with every name looked up."""

    listeners: Sequence[Listen]
    checks: Sequence[Check]
    steps: Sequence[Step]


class Automation:
    """A definition and what it does now. Call `refresh` after each change that may concern it."""

    def __init__(self, house: House, definition: Definition, *, enabled: bool) -> None:
        self.definition = definition
        self.enabled = enabled
        self.status = ""
        self.reason = ""
        self._house = house
        mode = definition.rule.mode if definition.rule else "parallel"
        self.runner = Runner(house.ctx, definition.id, mode, self._describe)
        self._asked: set[str] = set()
        self._answers: list[tuple[str, ...]] | None = None
        self._undos: list[Undo] = []

    @property
    def goes_by_the_clock(self) -> bool:
        """Whether it is active and has a time of day among its triggers."""
        rule = self.definition.rule
        return self.status == "active" and rule is not None and any(isinstance(t, TimeTrigger) for t in rule.triggers)

    def concerns(self, touched: frozenset[str]) -> bool:
        """Whether a change of the devices with these slugs may matter."""
        return not self._asked.isdisjoint(touched)

    def refresh(self) -> None:
        """Look up the names again, and listen to what they mean now; nothing changes if they mean the same."""
        if self.definition.error or not self.enabled:
            self.stop()
            self._note(*(("error", self.definition.error) if self.definition.error else ("disabled", "")))
            return
        resolver = Resolver(self._house.directory)
        try:
            plan = self._plan(resolver)
            if self._answers != resolver.answers:
                self._release()
                self._listen(plan)
                self._answers = resolver.answers
            self._note("active", "")
        except NotYetError as error:
            self._release()
            self._note("waiting", str(error))
        except HubError as error:
            self._release()
            self._note("error", str(error))
        self._asked = resolver.asked

    def run(self) -> None:
        """Run now, whatever the conditions say.

        Raises AutomationError if it is not active.
        """
        if self.status != "active":
            raise AutomationError(f"automation {self.definition.id!r} is {self.status}: {self.reason or 'enable it'}")
        self.runner.fire(made_event(self._house.ctx, "automation.trigger", f"automation/{self.definition.id}"))

    def stop(self) -> None:
        """Listen no more, and end what runs."""
        self._release()
        self.runner.stop()

    def info(self) -> AutomationInfo:
        """How it stands."""
        about, runner = self.definition, self.runner
        return AutomationInfo(
            id=about.id,
            name=about.name,
            kind=about.kind,
            file=about.file,
            status=self.status,
            reason=self.reason,
            enabled=self.enabled,
            runs=runner.runs,
            failures=runner.failures,
            skipped=runner.skipped,
            last_run=runner.last_run,
            last_error=runner.last_error,
        )

    def _plan(self, resolver: Resolver) -> _Plan:
        ctx, zone = self._house.ctx, self._house.zone
        if (rule := self.definition.rule) is not None:
            return _plan_rule(rule, ctx, resolver, zone)
        if (handler := self.definition.handler) is not None:
            return _plan_handler(handler, ctx, resolver)
        raise AutomationError("it does nothing")

    def _listen(self, plan: _Plan) -> None:
        self.runner.steps = plan.steps
        fire = _guarded(plan.checks, self.runner.fire)
        for listen in plan.listeners:
            self._undos.append(listen(fire))

    def _release(self) -> None:
        self._answers = None
        while self._undos:
            self._undos.pop()()

    def _note(self, status: str, reason: str) -> None:
        if (status, reason) == (self.status, self.reason):
            return
        about = self.definition
        if status in {"waiting", "error"}:
            # To wait for a device that was never there is no news; to lose one is.
            level = logging.INFO if status == "waiting" and self.status != "active" else logging.WARNING
            self._house.ctx.log.log(level, "Automation %s: %s", about.id, reason)
        self.status, self.reason = status, reason
        told = {"name": about.name, "kind": about.kind, "file": about.file, "status": status, "reason": reason}
        self._house.ctx.state.set(f"automation/{about.id}", told)

    def _describe(self, error: Exception) -> str:
        if self.definition.kind == "python":
            return sentence(error, Path(self.definition.file))
        return str(error) if isinstance(error, HubError) else f"{type(error).__name__}: {error}"


def _plan_rule(rule: Rule, ctx: Context, resolver: Resolver, zone: tzinfo | None) -> _Plan:
    return _Plan(
        [listener(one, ctx, resolver, zone) for one in rule.triggers],
        [check(one, ctx, resolver, zone) for one in rule.conditions],
        [step(one, ctx, resolver) for one in rule.actions],
    )


def _plan_handler(handler: Handler, ctx: Context, resolver: Resolver) -> _Plan:
    function: Callable[..., Awaitable[object] | None] = handler.function

    async def run(event: Event) -> None:
        result = function(event, ctx) if handler.takes_home else function(event)
        if isawaitable(result):
            await result

    def hearing(kind: str, subject: str, options: Mapping[str, Any]) -> Listen:
        return lambda fire: ctx.events.subscribe(kind, fire, subject=subject, **options)

    heard = [hearing(one.type, resolver.fill(one.subject), one.options) for one in handler.hearings]
    return _Plan(heard, [], [run])


def _guarded(checks: Sequence[Check], fire: Fire) -> Fire:
    if not checks:
        return fire

    def guarded(event: Event) -> None:
        for holds in checks:
            if not holds():
                return
        fire(event)

    return guarded
