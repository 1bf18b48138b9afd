"""`hub run` and `hub demo`: a hub in this process. The hub itself is loaded only here, on use."""

import os
import shutil
import socket
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from shlex import quote
from typing import Annotated, Any, Literal

import typer

from hub.cli.completion import files
from hub.cli.errors import CommandError
from hub.cli.session import DataOption, chosen_folder, named_folder
from hub.cli.words import finite

_GUESTS = ("mqtt", "zwave")

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Default: hub.toml in the data folder.", autocompletion=files),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(run)
    app.command()(demo)


def run(
    ctx: typer.Context,
    data: DataOption = None,
    config: ConfigOption = None,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None, typer.Option(help="How much to log.")
    ] = None,
    dev: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--dev", help="For authors of plugins: load one of yours anew when you edit it.")
    ] = False,
) -> None:
    """Run the hub until it is interrupted.

    SIGTERM and SIGINT stop it in order, a second one at once. SIGHUP has it read its configuration again.

    Exit codes:

    - 0: it was stopped as asked

    - 1: something failed

    - 2: the configuration is wrong

    - 4: the data folder cannot be used: unreadable, damaged, full, or another hub runs on it

    - 130: it was interrupted before it began, or ended at once by a second signal
    """
    overrides: dict[str, Any] = {"hub": {"log_level": log_level}} if log_level else {}
    if dev:
        overrides["plugin"] = {"reload": {"plugins": True}}
    folder = chosen_folder(_given(ctx, data))
    raise typer.Exit(_run(config, folder, overrides))


def demo(  # noqa: PLR0913, PLR0917 - one option each
    ctx: typer.Context,
    data: DataOption = None,
    seconds: Annotated[float | None, typer.Option(help="End after so many seconds.", min=1.0, callback=finite)] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what happened as JSON.", autocompletion=files)
    ] = None,
    ezsp: Annotated[
        Literal["8", "13", "14", "18"] | None, typer.Option(help="EZSP version of the virtual coordinator.")
    ] = None,
    speed: Annotated[
        float | None, typer.Option(help="How fast people move.", min=0.1, max=100.0, callback=finite)
    ] = None,
    guests: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option(help="Also devices of MQTT, if Mosquitto is installed, and of Z-Wave, if Node.js is.")
    ] = True,
) -> None:
    """Watch a virtual home live: no hardware is needed. Without --data nothing is kept."""
    settings: dict[str, Any] = {"seconds": seconds, "report": _writable(report) if report else None, "speed": speed}
    beside = _beside() if guests else {}
    settings["guests"] = [name for name in _GUESTS if name in beside]
    overrides: dict[str, Any] = {
        "plugins": {"enable": ["demo", "virtual_radio"]},
        "plugin": {"demo": {key: value for key, value in settings.items() if value is not None}, **beside},
    }
    if ezsp is not None:
        overrides["plugin"]["virtual_radio"] = {"ezsp": int(ezsp)}
    given = named_folder(_given(ctx, data))
    with ExitStack() as stack:
        folder = Path(given or stack.enter_context(tempfile.TemporaryDirectory(prefix="domovoi-demo-")))
        overrides["plugin"]["zigbee"] = {"path": str(folder.absolute() / "plugins" / "virtual_radio" / "tty")}
        overrides["plugin"]["demo"]["hint"] = (
            f"In another terminal: {_command()} --data {quote(str(folder))} devices list"
        )
        code = _run(None, folder, overrides, foreground="demo")
    raise typer.Exit(code)


def _beside() -> dict[str, Any]:
    """The sections of the plugins that the demo has beside Zigbee, as far as their programs are installed."""
    sections: dict[str, Any] = {}
    if shutil.which("mosquitto", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        sections |= {name: {"port": port} for name in ("mqtt_broker", "mqtt", "virtual_mqtt")}
    if shutil.which("node"):
        sections["zwave"] = {"virtual": True, "start_wait": 0}
    return sections


def _writable(report: Path) -> str:
    """The report's place; its folder is made.

    Raises CommandError where nothing can be written.
    """
    path = report.absolute()
    if path.is_dir():
        raise CommandError(f"--report {report} is a folder; name a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"--report {report}: its folder cannot be made: {error.strerror}") from error
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise CommandError(f"--report {report} cannot be written; mend its permissions or name another file")
    return str(path)


def _command() -> str:
    """How to call this command from a shell here."""
    script = Path(sys.executable).with_name("hub")
    if not script.exists():
        return f"{quote(sys.executable)} -m hub"
    if (found := shutil.which("hub")) and script.samefile(found):
        return "hub"
    return quote(min(str(script), os.path.relpath(script), key=len))


def _run(config: Path | None, data: Path | None, overrides: dict[str, Any], *, foreground: str = "") -> int:
    # Loaded here: the hub costs time that no other command need pay.
    from hub.app import RunOptions, run  # noqa: PLC0415
    from hub.cli.log_writers import kept, kept_and_shown  # noqa: PLC0415

    return run(RunOptions(config, data, overrides, foreground, kept if foreground else kept_and_shown))


def _given(ctx: typer.Context, data: str | None) -> str | None:
    """The --data of the command, or else the one before its name."""
    return ctx.parent.params.get("data") if data is None and ctx.parent is not None else data
