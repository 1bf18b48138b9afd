"""`hub run` and `hub demo`: a hub in this process. The hub itself is loaded only here, on use."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hub.cli.output import say
from hub.cli.session import DataOption, chosen_folder

ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Default: hub.toml in the data folder.")
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
) -> None:
    """Run the hub until it is interrupted."""
    overrides = {"hub": {"log_level": log_level}} if log_level else {}
    folder = chosen_folder(data or _before(ctx))
    raise typer.Exit(_run(config, folder, overrides, quiet=False))


def demo(
    ctx: typer.Context,
    data: DataOption = None,
    seconds: Annotated[float | None, typer.Option(help="End after so many seconds.", min=1.0)] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="Write what happened as JSON.")] = None,
    ezsp: Annotated[
        Literal["8", "13", "14", "18"] | None, typer.Option(help="EZSP version of the virtual coordinator.")
    ] = None,
    speed: Annotated[float | None, typer.Option(help="How fast people move.", min=0.1, max=100.0)] = None,
) -> None:
    """Watch a virtual home live: no hardware is needed. Without --data nothing is kept."""
    settings: dict[str, Any] = {
        "seconds": seconds,
        "report": str(report.absolute()) if report else None,
        "speed": speed,
    }
    overrides: dict[str, Any] = {
        "plugins": {"enable": ["demo", "virtual_radio"]},
        "plugin": {"demo": {key: value for key, value in settings.items() if value is not None}},
    }
    if ezsp is not None:
        overrides["plugin"]["virtual_radio"] = {"ezsp": int(ezsp)}
    given = data or _before(ctx)
    with ExitStack() as stack:
        folder = Path(given or stack.enter_context(tempfile.TemporaryDirectory(prefix="domovoi-demo-")))
        overrides["plugin"]["zigbee"] = {"path": str(folder.absolute() / "plugins" / "virtual_radio" / "tty")}
        say(f"To talk to this home from another terminal: export HUB_DATA_DIR={folder.absolute()}")
        code = _run(None, folder, overrides, quiet=True)
    raise typer.Exit(code)


def _run(config: Path | None, data: Path | None, overrides: dict[str, Any], *, quiet: bool) -> int:
    from hub.app import RunOptions, run  # noqa: PLC0415 - the hub costs time that no other command need pay

    return run(RunOptions(config=config, data=data, overrides=overrides, quiet=quiet))


def _before(ctx: typer.Context) -> str | None:
    """The --data that stands before the command's name."""
    return ctx.parent.params.get("data") if ctx.parent is not None else None
