"""`hub state` and `hub events`: what is true, and what happens."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Annotated, Any

import typer

from hub.cli.errors import CommandError
from hub.cli.event_lines import EventLines, is_chatter
from hub.cli.names import PathArgument, PatternArgument, PrefixArgument
from hub.cli.output import ago, emit, say, short, table, tell
from hub.cli.session import Session, talks
from hub.patterns import subject_matcher

state = typer.Typer(help="State: what is true now.", no_args_is_help=True)
events = typer.Typer(help="Events: what happens.", no_args_is_help=True)

CountOption = Annotated[int | None, typer.Option(help="End after so many.", min=1)]


@state.command()
@talks
def get(session: Session, path: PathArgument) -> None:
    """Print one value; --json with its version and time."""
    entry = session.client.get("state", prefix=path).get(path)
    if entry is None:
        raise CommandError(f"there is no state {path!r}; `hub state list` shows all")
    if session.json:
        emit({"path": path, **entry})
    else:
        say(short(entry["value"]))


@state.command("list")
@talks
def list_state(session: Session, prefix: PrefixArgument = "") -> None:
    """List paths and values."""
    found: dict[str, dict[str, Any]] = session.client.get("state", prefix=prefix)
    if session.json:
        emit([{"path": path, **entry} for path, entry in found.items()])
        return
    rows = [[path, short(entry["value"]), ago(entry["time"])] for path, entry in found.items()]
    table(["Path", "Value", "Changed"], rows, keep="Path", cuts=["Value"], empty="Nothing is there.")


@state.command()
@talks
def watch(session: Session, pattern: PatternArgument = "#", count: CountOption = None) -> None:
    """Print what is true of these paths, and every change, until interrupted."""
    matches = subject_matcher(pattern) or bool
    with session.client.events("state.changed", pattern) as feed:
        known: dict[str, dict[str, Any]] = {
            path: entry for path, entry in session.client.get("state").items() if matches(path)
        }
        for path, entry in islice(known.items(), count):
            _print_value(session, path, entry["value"], entry["version"], entry["time"])
        left = None if count is None else max(0, count - len(known))
        fresh = (one for one in feed if "dropped" in one or not _is_known(known, one))
        for event in islice(fresh, left):
            if "dropped" in event:
                _print_dropped(session, event)
            else:
                data = event["data"]
                _print_value(session, event["subject"], data["value"], data["version"], event["time"])


@events.command()
@talks
def tail(
    session: Session,
    kind: Annotated[str, typer.Option("--type", help="Type; * is one part, ** any number: devices.*.")] = "**",
    subject: Annotated[str, typer.Option(help="Subject; + is one part, # the rest: device/+/on_off.")] = "#",
    count: CountOption = None,
    everything: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--all", help="Also what changes with every message of a device.")
    ] = False,
) -> None:
    """Print events as they happen, until interrupted; --json with all they carry, and none left out."""
    with session.client.events(kind, subject) as feed:
        for _ in islice(_told(session, feed, everything=everything or is_chatter(subject)), count):
            pass


def _told(session: Session, feed: Iterable[dict[str, Any]], *, everything: bool) -> Iterator[None]:
    """Print events; yields for each that was printed."""
    lines = None if session.json else EventLines(session, everything=everything)
    for event in feed:
        if "dropped" in event:
            _print_dropped(session, event)
        elif lines is None:
            emit(event, stream=True)
        elif line := lines.line(event):
            say(line)
        else:
            continue
        yield


def _is_known(known: dict[str, dict[str, Any]], event: dict[str, Any]) -> bool:
    """Whether a change was already in what was read after subscribing."""
    entry = known.get(event["subject"])
    return entry is not None and event["data"]["version"] <= entry["version"] and event["time"] <= entry["time"]


def _print_value(session: Session, path: str, value: Any, version: int, when: int) -> None:  # noqa: ANN401 - JSON
    if session.json:
        emit({"path": path, "value": value, "version": version, "time": when}, stream=True)
    else:
        say(f"{_clock(when)} {path} = {short(value)}")


def _print_dropped(session: Session, event: dict[str, Any]) -> None:
    printing: Callable[[], None] = (
        (lambda: emit(event, stream=True))
        if session.json
        else (lambda: tell(f"{event['dropped']} events were left out: they came faster than they were read"))
    )
    printing()


def _clock(when: int) -> str:
    seconds, rest = divmod(when, 1_000_000_000)
    return f"{time.strftime('%H:%M:%S', time.localtime(seconds))}.{rest // 1_000_000:03d}"
