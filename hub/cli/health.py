"""`hub health`: what is well and what is not."""

from typing import Any

import typer

from hub.cli.errors import CommandError, RefusedError
from hub.cli.output import emit, say, table
from hub.cli.session import Session, talks

_LIMIT_S = 70.0


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(health)


@talks
def health(session: Session) -> None:
    """Check the hub and its plugins now. Exits with 0 when all is well, else with 1."""
    try:
        summary: dict[str, Any] = session.client.call("health.check", {}, limit=_LIMIT_S)
    except RefusedError as error:
        if error.reason != "unknown_service":
            raise
        raise CommandError("the plugin health does not run, so nobody checks; see `hub plugins list --all`") from error
    checks: dict[str, dict[str, str]] = summary["checks"]
    if session.json:
        emit(summary)
    else:
        rows = [[name, one["status"], one["reason"]] for name, one in checks.items()]
        table(["Part", "Status", "Why"], rows, keep="Part")
        if summary["status"] == "ok":
            say("All is well.")
    if summary["status"] != "ok":
        count = sum(one["status"] != "ok" for one in checks.values())
        raise CommandError(f"{count} of {len(checks)} parts not well; the hub is {summary['status']}")
