"""`hub zigbee map` and `hub zigbee links`: who hears whom, and how well."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from device_plugins.zigbee import drawing
from hub.cli.kit import CommandError, Session, Steps, WrongUsageError, emit, files, say, table, talks, tell

_LOOK_EVERY_S = 0.5
_DRAW_LIMIT_S = 60.0
_FORMS = (".json", ".dot", ".svg", ".png")
# Programs that make a PNG, with their arguments, and what they read.
_PAINTERS = (("rsvg-convert", ("--format", "png"), drawing.svg), ("dot", ("-Kneato", "-Tpng"), drawing.dot))


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="map")(show_map)
    app.command()(links)


@talks
def show_map(
    session: Session,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a picture: .svg, .png, .dot or .json.", autocompletion=files),
    ] = None,
    refresh: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--refresh", help="Ask all routers anew first; that takes a while.")
    ] = False,
    pause: Annotated[float, typer.Option(help="Seconds between two questions.", min=0.1, max=60.0)] = 1.0,
) -> None:
    """Show who hears whom in the network, as its routers told when they were last asked."""
    if output is not None and output.suffix not in _FORMS:
        raise WrongUsageError(f"{output} should end in {', '.join(_FORMS[:-1])} or {_FORMS[-1]}")
    found = session.client.call("zigbee.map", {})
    if refresh or found["progress"]["status"] == "never":
        found = _refreshed(session, pause)
    names = _names(session)
    if output is not None:
        _write(output, found, names)
        if not session.json:
            say(f"{output} shows {len(found['nodes'])} nodes and {len(found['links'])} links.")
    if session.json:
        emit(found)
    elif output is None:
        _show(found, names)


@talks
def links(session: Session) -> None:
    """Show how well each device is heard: by the coordinator, and by its parent when the map knows it."""
    found = session.client.call("zigbee.link_quality", {})
    if session.json:
        emit(found)
        return
    names = _names(session)
    rows = [
        [
            names.get(one["device"].removeprefix("zigbee-"), one["device"]),
            one["kind"].replace("_", " "),
            _number(one["lqi"]),
            _number(one["rssi"]),
            names.get(one["parent"], one["parent"]),
            _number(one["parent_lqi"]),
            drawing.age(one["age"]),
        ]
        for one in found
    ]
    table(("DEVICE", "KIND", "LQI", "RSSI", "PARENT", "LQI THERE", "AGE"), rows, keep="DEVICE", empty="no devices")


def _refreshed(session: Session, pause: float) -> Any:  # noqa: ANN401 - JSON
    """Have the network asked, and wait until that is over; Ctrl-C ends it."""
    session.client.call("zigbee.map_refresh", {"pause": pause})
    try:
        with Steps(shown=not session.json) as steps:
            while (found := session.client.call("zigbee.map", {}))["progress"]["status"] == "running":
                progress = found["progress"]
                steps.tell(f"asking {progress['node']}", progress["asked"] / max(1, progress["of"]))
                time.sleep(_LOOK_EVERY_S)
    except KeyboardInterrupt:
        session.client.call("zigbee.map_cancel", {})
        raise
    if found["progress"]["status"] != "done":
        tell(f"The map is not complete: {found['progress']['reason']}")
    return found


def _names(session: Session) -> dict[str, str]:
    """The devices' names, by address."""
    found = session.client.call("devices.list", {"protocol": "zigbee"})
    return {one["id"].removeprefix("zigbee-"): one["name"] for one in found}


def _show(found: Any, names: dict[str, str]) -> None:  # noqa: ANN401 - JSON
    kinds = {node["ieee"]: node["kind"] for node in found["nodes"]}

    def named(ieee: str) -> str:
        return names.get(ieee) or ("coordinator" if kinds.get(ieee) == "coordinator" else ieee)

    rows = [
        [named(link["source"]), named(link["target"]), link["relation"], str(link["lqi"]), drawing.age(link["age"])]
        for link in sorted(found["links"], key=lambda link: (named(link["source"]), -link["lqi"]))
    ]
    table(("NODE", "HEARS", "AS ITS", "LQI", "AGE"), rows, keep="NODE", empty="no links are known")
    for node in found["nodes"]:
        if node["problem"]:
            say(f"{named(node['ieee'])}: {node['problem']}")


def _write(output: Path, found: Any, names: dict[str, str]) -> None:  # noqa: ANN401 - JSON
    match output.suffix:
        case ".json":
            content = json.dumps(found, ensure_ascii=False, indent=2).encode()
        case ".dot":
            content = drawing.dot(found, names).encode()
        case ".svg":
            content = drawing.svg(found, names).encode()
        case _:
            content = _painted(found, names)
    try:
        output.write_bytes(content)
    except OSError as error:
        raise CommandError(f"cannot write {output}: {os.strerror(error.errno or 0)}") from error


def _painted(found: Any, names: dict[str, str]) -> bytes:  # noqa: ANN401 - JSON
    for program, options, drawn in _PAINTERS:
        if path := shutil.which(program):
            done = subprocess.run(  # noqa: S603 - a fixed program, our own text on its input
                [path, *options],
                input=drawn(found, names).encode(),
                capture_output=True,
                timeout=_DRAW_LIMIT_S,
                check=False,
            )
            if done.returncode == 0:
                return done.stdout
            raise CommandError(f"{program} made no picture: {done.stderr.decode(errors='replace').strip()[:200]}")
    raise CommandError("a PNG needs rsvg-convert or Graphviz's dot; install either, or write an .svg")


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
