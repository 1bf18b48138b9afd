"""The pairing desk: sessions in which device plugins let new devices in, told step by step."""

import asyncio
import secrets
from collections import deque
from typing import Any

from device_plugins.sdk import InvalidValueError, PairingError, PairingStep, Step
from hub.api import Context, HubError, Task, Undo, UnknownServiceError
from plugins.devices.names import closest
from plugins.devices.protocols import Protocol, Protocols
from plugins.devices.records import PairingSession, PairingStatus

ANY = "any"
LONGEST = 600.0
OPEN_LIMIT = 8.0
CANCEL_LIMIT = 3.0
_STEPS = 200
_REMEMBERED = 20
_INPUTS = 32


class _Session:
    """One session: the protocols that are open in it, and what happened so far."""

    def __init__(self, duration: float, now: float) -> None:
        self.id = secrets.token_hex(4)
        self.duration = duration
        self.until = now + duration
        self.open: dict[str, Protocol] = {}
        self.steps: deque[PairingStep] = deque(maxlen=_STEPS)
        self.undo_timer: Undo = lambda: None
        self.ending = False
        self.ended = asyncio.Event()


class PairingDesk:
    """Opens sessions, one at a time per protocol, and ends each of them exactly once."""

    def __init__(self, ctx: Context, protocols: Protocols) -> None:
        self._ctx = ctx
        self._protocols = protocols
        self._sessions: dict[str, _Session] = {}

    async def pair(
        self, protocol: str, duration: float, limit: float, inputs: dict[str, Any] | None = None
    ) -> PairingSession:
        """Open `protocol`, or every one that is ready, for `duration` seconds; opening takes at most `limit` seconds.

        `inputs` are for the device plugins, as in `pair_input`. Raises InvalidValueError for the duration, PairingError
        when nothing can be opened.
        """
        if not 1 <= duration <= LONGEST:
            raise InvalidValueError(f"pairing lasts 1 to {LONGEST:g} seconds, not {duration:g}")
        _check_inputs(inputs or {}, "pairing")
        chosen = self._ready() if protocol == ANY else [self._one(protocol)]
        session = self._begin(chosen, duration)
        opening = [
            self._ctx.tasks.start(
                f"opens {one.name} for pairing", self._open(session, one, min(limit, OPEN_LIMIT), inputs)
            )
            for one in chosen
        ]
        try:
            reasons = [reason for task in opening if (reason := await task)]
        except asyncio.CancelledError:
            _ = self._end_later(session, "whoever asked for it is gone")
            raise
        if not session.open:
            await self._end(session, "nothing could be opened")
            raise PairingError(f"pairing could not be opened: {'; '.join(reasons) or 'it was cancelled'}")
        return PairingSession(session.id, tuple(session.open), duration)

    async def pair_input(self, session: str, values: dict[str, Any]) -> None:
        """Bring what the latest `needs_input` step asked for.

        Raises PairingError when nothing was asked, and what the device plugin says to the values.
        """
        found = self._find(session)
        asked = (step for step in reversed(found.steps) if step.step == "needs_input" and step.protocol in found.open)
        if found.ending or (step := next(asked, None)) is None:
            raise PairingError(f"pairing session {session} asks for no input")
        _check_inputs(values, f"pairing session {session}")
        await self._ctx.services.call(f"{found.open[step.protocol].plugin}.pair_input", values=values)

    async def cancel(self, session: str) -> None:
        """End a session; returns when it has ended. One that is over already stays so."""
        await self._end(self._find(session), "cancelled")

    def status(self, session: str) -> PairingStatus:
        """How a session stands; the last 20 and up to 200 steps of each are remembered."""
        found = self._find(session)
        remaining = 0.0 if found.ending else max(0.0, found.until - self._ctx.clock.monotonic())
        open_ = not found.ended.is_set()
        return PairingStatus(found.id, open_, tuple(found.open), round(remaining, 1), tuple(found.steps))

    async def close(self) -> None:
        """End all sessions."""
        for task in [self._end_later(session, "the device registry stops") for session in self._sessions.values()]:
            await task

    def heard(self, step: PairingStep) -> None:
        """Keep a step of a session of ours."""
        if (session := self._sessions.get(step.session)) is not None:
            session.steps.append(step)

    def protocol_down(self, name: str, reason: str) -> None:
        """A protocol stopped working: it leaves its session, which ends with its last protocol."""
        session = self._busy(name)
        if session is not None and not session.ending:
            self._tell(session, "failed", name, reason)
            del session.open[name]
            if not session.open:
                _ = self._end_later(session, reason)

    # Opening

    def _ready(self) -> list[Protocol]:
        known = self._protocols.all()
        if not known:
            raise PairingError("there is no protocol to pair with; enable a device plugin, such as zigbee")
        ready = [one for one in known if not one.down]
        if not ready:
            raise PairingError(f"no protocol is ready: {'; '.join(f'{one.name}: {one.down}' for one in known)}")
        free = [one for one in ready if self._busy(one.name) is None]
        if not free:
            self._check_free(ready[0])
        return free

    def _one(self, name: str) -> Protocol:
        found = self._protocols.get(name)
        if found is None:
            names = [one.name for one in self._protocols.all()]
            there = f"; there is {', '.join(names)}" if names else "; enable a device plugin, such as zigbee"
            raise PairingError(f"there is no protocol {name[:80]!r}{closest(name, names) or there}")
        if found.down:
            raise PairingError(f"{name} is not ready: {found.down}")
        self._check_free(found)
        return found

    def _check_free(self, protocol: Protocol) -> None:
        if (busy := self._busy(protocol.name)) is not None:
            left = max(0.0, busy.until - self._ctx.clock.monotonic())
            raise PairingError(
                f"{protocol.name} is pairing already, in session {busy.id} for {left:.0f} s more; cancel it or wait"
            )

    def _busy(self, protocol: str) -> _Session | None:
        return next((one for one in self._sessions.values() if protocol in one.open), None)

    def _begin(self, protocols: list[Protocol], duration: float) -> _Session:
        session = _Session(duration, self._ctx.clock.monotonic())
        self._sessions[session.id] = session
        for old in [one.id for one in self._sessions.values() if one.ended.is_set()][:-_REMEMBERED]:
            del self._sessions[old]
        session.open = {one.name: one for one in protocols}
        session.undo_timer = self._ctx.clock.call_later(duration, lambda: self._end_later(session, "the time is over"))
        for one in protocols:
            self._tell(session, "waiting", one.name)
        return session

    async def _open(self, session: _Session, one: Protocol, limit: float, inputs: dict[str, Any] | None) -> str:
        """Returns why it could not be opened, or nothing."""
        given = {"inputs": inputs} if inputs else {}
        try:
            await self._ctx.services.call(
                f"{one.plugin}.pair", timeout=limit, session=session.id, duration=session.duration, **given
            )
        except HubError as error:
            if session.open.pop(one.name, None) is not None:
                self._tell(session, "failed", one.name, str(error))
            return f"{one.name}: {error}"
        if session.ending:
            await self._close(one)
        return ""

    # Ending

    def _end_later(self, session: _Session, reason: str) -> Task[None]:
        return self._ctx.tasks.start(f"ends pairing session {session.id}", self._end(session, reason))

    async def _end(self, session: _Session, reason: str) -> None:
        if session.ending:
            await session.ended.wait()
            return
        session.ending = True
        session.undo_timer()
        try:
            closing = [
                self._ctx.tasks.start(f"closes {one.name} for pairing", self._close(one))
                for one in session.open.values()
            ]
            for task in closing:
                await task
        finally:
            session.open = {}
            self._tell(session, "ended", reason=reason, progress=1.0)
            session.ended.set()

    async def _close(self, one: Protocol) -> None:
        try:
            await self._ctx.services.call(f"{one.plugin}.pair_cancel", timeout=CANCEL_LIMIT)
        except UnknownServiceError:
            self._ctx.log.debug("%s is gone, and with it its pairing", one.plugin)
        except HubError as error:
            self._ctx.log.warning("%s did not close for pairing: %s", one.name, error)

    def _find(self, session: str) -> _Session:
        try:
            return self._sessions[session]
        except KeyError:
            raise PairingError(f"there is no pairing session {session[:80]!r}") from None

    def _tell(self, session: _Session, step: Step, protocol: str = "", reason: str = "", progress: float = 0.0) -> None:
        told = PairingStep(session.id, step, protocol, reason=reason, progress=progress)
        self._ctx.events.publish("devices.pairing", f"pairing/{session.id}", told)


def _check_inputs(values: dict[str, Any], what: str) -> None:
    if len(values) > _INPUTS:
        raise PairingError(f"{what} takes {_INPUTS} inputs at most, not {len(values)}")
