"""`hub devices pair`: pairing as a dialogue, or as its steps in JSON."""

import re
import sys
import time
from contextlib import suppress
from typing import Annotated, Any

import typer

from hub.cli import words
from hub.cli.errors import CommandError, RefusedError
from hub.cli.feed import Feed
from hub.cli.names import protocols
from hub.cli.output import emit, hang, say
from hub.cli.progress import Progress
from hub.cli.readings import summary
from hub.cli.session import Session, talks

_OPEN_S = 20.0
_TICK_S = 0.2
_LATE_S = 30.0
_BUSY = re.compile(r"in session (\w+)")

type Step = dict[str, Any]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(pair)


@talks
def pair(  # noqa: PLR0913, PLR0917 - one option each
    session: Session,
    protocol: Annotated[
        str, typer.Option(help="Only this protocol, such as zigbee.", autocompletion=protocols)
    ] = "any",
    duration: Annotated[
        float, typer.Option(help="Seconds to wait for devices.", min=1.0, max=600.0, callback=words.finite)
    ] = 120.0,
    count: Annotated[int | None, typer.Option(help="End when so many are paired.", min=1)] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,  # noqa: FBT002 - an option
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--input", metavar="NAME=VALUE", help="What the device needs, such as install_code=...; repeatable."
        ),
    ] = None,
    cancel: Annotated[str, typer.Option(metavar="SESSION", help="Instead end a session that is open.")] = "",
) -> None:
    """Let new devices in, and show how it goes; Ctrl-C ends it."""
    if cancel:
        _cancel(session, cancel)
        return
    asks = not yes and not session.json and sys.stdin.isatty() and sys.stdout.isatty()
    with session.client.events("devices.pairing", "pairing/#") as feed:
        opened = _open(session, protocol, duration, dict(map(words.pair, given or ())))
        dialogue = _Dialogue(session, opened["session"], asks=asks)
        dialogue.begin(opened["protocols"], duration)
        try:
            dialogue.follow(feed, time.monotonic() + duration + _LATE_S, count)
        except (KeyboardInterrupt, typer.Abort):
            dialogue.interrupted()
            raise
        finally:
            dialogue.end()
            if not dialogue.ended:
                with suppress(CommandError):
                    session.client.call("devices.pair_cancel", {"session": opened["session"]})
    dialogue.conclude()


def _open(session: Session, protocol: str, duration: float, inputs: dict[str, str]) -> dict[str, Any]:
    try:
        opened: dict[str, Any] = session.client.call(
            "devices.pair", {"protocol": protocol, "duration": duration, "inputs": inputs}, limit=_OPEN_S
        )
    except RefusedError as error:
        if busy := _BUSY.search(str(error)):
            ways = f"cancel it with `hub devices pair --cancel {busy[1]}`, or wait"
            raise CommandError(str(error).replace("cancel it or wait", ways)) from error
        raise
    return opened


def _cancel(session: Session, name: str) -> None:
    session.client.call("devices.pair_cancel", {"session": name})
    if session.json:
        emit({"session": name, "cancelled": True})
    else:
        say(f"pairing session {name} is over")


class _Dialogue:
    """What is told, and asked, about one pairing session."""

    def __init__(self, session: Session, name: str, *, asks: bool) -> None:
        self._session = session
        self._name = name
        self._asks = asks
        self._progress = Progress(shown=not session.json and sys.stdout.isatty())
        self._failures = 0
        self._configured: dict[str, str] = {}  # names by id
        self._introduced: set[str] = set()
        self.ended = False

    @property
    def paired(self) -> int:
        """How many devices are ready for use."""
        return len(self._configured)

    def begin(self, protocols: list[str], duration: float) -> None:
        """Say what is open."""
        self._say(f"Open for {' and '.join(protocols)} for {duration:g} s. Put the device into pairing mode now.")
        self._progress.begin(duration)

    def follow(self, feed: Feed, deadline: float, count: int | None) -> None:
        """Tell and ask until the session has ended, or `count` devices are ready."""
        while not self.ended and time.monotonic() < deadline and (count is None or self.paired < count):
            message = feed.next(_TICK_S)
            self._progress.tick()
            if message is not None and "data" in message:
                self._hear(message["data"])

    def interrupted(self) -> None:
        """Say what was reached before Ctrl-C."""
        self.end()
        names = list(self._configured.values())
        if not names:
            self._say("Stopped; no device was added.")
        elif len(names) == 1:
            self._say(f"Stopped; 1 device was added: {names[0]}.")
        else:
            self._say(f"Stopped; {len(names)} devices were added: {', '.join(names)}.")

    def end(self) -> None:
        """Leave the terminal as it was."""
        self._progress.end()

    def _hear(self, step: Step) -> None:
        if step["session"] == self._name:
            if self._session.json:
                emit(step, stream=True)
            self._take(step)

    def _take(self, step: Step) -> None:
        who = step["model"] or step["device"]
        self._introduce(step)
        match step["step"]:
            case "waiting" if step["reason"]:
                self._say(step["reason"])
            case "joined":
                self._progress.work(f"{who}: getting to know it", 0.0)
            case "interviewing":
                self._progress.work(f"{who}: {step['reason'] or 'getting to know it'}", step["progress"])
            case "needs_input":
                self._ask(step)
            case "configured":
                self._welcome(step)
            case "failed":
                self._failures += 1
                self._say(f"{who or step['protocol']} failed: {step['reason'] or 'no reason given'}")
                self._progress.work("", 0.0)
            case "ended":
                self.ended = True

    def _introduce(self, step: Step) -> None:
        device, model = step["device"], step["model"]
        if step["step"] == "joined" and device not in self._introduced:
            self._say(f"{model or 'A device'} has joined ({device}).")
        elif not model or step["step"] != "interviewing" or device in self._introduced:
            return
        else:
            self._say(f"It is a {model}.")
        if model:
            self._introduced.add(device)

    def conclude(self) -> None:
        """Say how it went.

        Raises CommandError when no device was paired.
        """
        if not self.paired:
            tried = (
                f"{self._failures} failed" if self._failures else "none showed itself; is it in pairing mode, and near?"
            )
            raise CommandError(f"no device was paired: {tried}")
        self._say(f"{self.paired} paired." if self.paired > 1 else "Done.")

    def _welcome(self, step: Step) -> None:
        device = step["device"]
        again = device in self._configured
        self._configured.setdefault(device, step["model"] or device)
        self._progress.work("", 0.0)
        if again or self._session.json:
            return
        record = self._session.client.call("devices.get", {"device": device})
        self._configured[device] = record["name"]
        self._say(f"{record['name']} is ready ({' '.join(filter(None, (record['manufacturer'], record['model'])))}).")
        self._say(", ".join(one["key"] for one in record["features"]) or "no capabilities", head="  it has: ")
        if told := summary(record):
            self._say(told, head="  now:    ")
        if self._asks:
            self._name_it(device, record["name"])

    def _name_it(self, device: str, current: str) -> None:
        with self._progress.paused():
            while (name := _prompt("  call it", default=current).strip()) != current:
                try:
                    record = self._session.client.call("devices.rename", {"device": device, "name": name})
                except CommandError as error:
                    self._say(str(error), head="  ")
                else:
                    self._configured[device] = record["name"]
                    self._say(f"It is called {record['name']} now.")
                    return

    def _ask(self, step: Step) -> None:
        if not self._asks:
            if self._session.json:
                return  # whoever reads the steps answers with `devices.pair_input`
            raise CommandError(
                f"{step['reason'].rstrip('.') or 'the device asks for input'}; run it on a terminal, without --yes"
            )
        self._say(step["reason"] or f"{step['device']} asks for input.")
        with self._progress.paused():
            values = {name: _prompt(f"  {_label(name, about)}") for name, about in step["inputs"].items()}
        try:
            self._session.client.call("devices.pair_input", {"session": self._name, "values": values})
        except CommandError as error:
            self._say(str(error), head="  ")

    def _say(self, text: str, head: str = "") -> None:
        if not self._session.json:
            with self._progress.paused():
                hang(head, text)


def _prompt(text: str, default: str | None = None) -> str:
    try:
        return str(typer.prompt(text, default=default))
    except typer.Abort:
        say()  # ^C stands on the line of the question
        raise


def _label(name: str, about: Any) -> str:  # noqa: ANN401 - JSON
    return f"{name} ({about})" if isinstance(about, str) and about else name
