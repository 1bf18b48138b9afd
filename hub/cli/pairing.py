"""`hub devices pair`: pairing as a dialogue, or as its steps in JSON."""

import sys
import time
from contextlib import suppress
from typing import Annotated, Any

import typer

from hub.cli.devices import summary
from hub.cli.errors import CommandError
from hub.cli.output import emit, say
from hub.cli.progress import Progress
from hub.cli.session import Session, talks

_OPEN_S = 20.0
_TICK_S = 0.2
_LATE_S = 30.0

type Step = dict[str, Any]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(pair)


@talks
def pair(
    session: Session,
    protocol: Annotated[str, typer.Option(help="Only this protocol, such as zigbee.")] = "any",
    duration: Annotated[float, typer.Option(help="Seconds to wait for devices.", min=1.0, max=600.0)] = 120.0,
    count: Annotated[int | None, typer.Option(help="End when so many are paired.", min=1)] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Let new devices in, and show how it goes; Ctrl-C ends it."""
    asks = not yes and not session.json and sys.stdin.isatty() and sys.stdout.isatty()
    with session.client.events("devices.pairing", "pairing/#") as feed:
        opened = session.client.call("devices.pair", {"protocol": protocol, "duration": duration}, limit=_OPEN_S)
        dialogue = _Dialogue(session, opened["session"], asks=asks)
        dialogue.begin(opened["protocols"], duration)
        deadline = time.monotonic() + duration + _LATE_S
        try:
            while not dialogue.ended and time.monotonic() < deadline:
                message = feed.next(_TICK_S)
                dialogue.tick()
                if message is not None and "data" in message:
                    dialogue.hear(message["data"])
                if count is not None and dialogue.paired >= count:
                    break
        finally:
            dialogue.end()
            if not dialogue.ended:
                with suppress(CommandError):
                    session.client.call("devices.pair_cancel", {"session": opened["session"]})
    dialogue.conclude()


class _Dialogue:
    """What is told, and asked, about one pairing session."""

    def __init__(self, session: Session, name: str, *, asks: bool) -> None:
        self._session = session
        self._name = name
        self._asks = asks
        self._progress = Progress(shown=not session.json and sys.stdout.isatty())
        self._failures = 0
        self._configured: set[str] = set()
        self.ended = False

    @property
    def paired(self) -> int:
        """How many devices are ready for use."""
        return len(self._configured)

    def begin(self, protocols: list[str], duration: float) -> None:
        """Say what is open."""
        self._say(f"Open for {' and '.join(protocols)} for {duration:g} s. Put the device into pairing mode now.")
        self._progress.begin(duration)

    def tick(self) -> None:
        """Show the time that is left."""
        self._progress.tick()

    def end(self) -> None:
        """Leave the terminal as it was."""
        self._progress.end()

    def hear(self, step: Step) -> None:
        """Tell one step, if it is of this session."""
        if step["session"] == self._name:
            if self._session.json:
                emit(step, stream=True)
            self._take(step)

    def _take(self, step: Step) -> None:
        who = step["model"] or step["device"]
        match step["step"]:
            case "joined":
                self._say(f"{step['device']} has joined.")
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
        self._configured.add(device)
        self._progress.work("", 0.0)
        if again or self._session.json:
            return
        record = self._session.client.call("devices.get", {"device": device})
        self._say(f"{record['name']} is ready ({' '.join(filter(None, (record['manufacturer'], record['model'])))}).")
        self._say(f"  it has: {', '.join(one['key'] for one in record['features']) or 'no capabilities'}")
        if told := summary(record):
            self._say(f"  now:    {told}")
        if self._asks:
            self._name_it(device, record["name"])

    def _name_it(self, device: str, current: str) -> None:
        with self._progress.paused():
            while (name := typer.prompt("  call it", default=current).strip()) != current:
                try:
                    self._session.client.call("devices.rename", {"device": device, "name": name})
                except CommandError as error:
                    self._say(f"  {error}")
                else:
                    return

    def _ask(self, step: Step) -> None:
        if not self._asks:
            if self._session.json:
                return  # whoever reads the steps answers with `devices.pair_input`
            raise CommandError(f"{step['reason'] or 'the device asks for input'}; run it on a terminal, without --yes")
        self._say(step["reason"] or f"{step['device']} asks for input.")
        with self._progress.paused():
            values = {name: typer.prompt(f"  {_label(name, about)}") for name, about in step["inputs"].items()}
        try:
            self._session.client.call("devices.pair_input", {"session": self._name, "values": values})
        except CommandError as error:
            self._say(f"  {error}")

    def _say(self, text: str) -> None:
        if not self._session.json:
            with self._progress.paused():
                say(text)


def _label(name: str, about: Any) -> str:  # noqa: ANN401 - JSON
    return f"{name} ({about})" if isinstance(about, str) and about else name
