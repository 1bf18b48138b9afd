"""Asking before something is done that cannot be undone."""

import typer

from hub.cli.errors import WrongUsageError
from hub.cli.output import say
from hub.cli.session import Session


def may_ask(session: Session, *, yes: bool) -> None:
    """Raise WrongUsageError if `agree` could not ask."""
    if session.json and not yes:
        raise WrongUsageError("with --json nothing is asked and nothing was done; --yes says that it may be")


def agree(session: Session, question: str, *, yes: bool) -> None:
    """Return when it may be done: `yes` says so (the option --yes), or else whoever is asked.

    Raises WrongUsageError where nobody is there to be asked; a no ends the command.
    """
    may_ask(session, yes=yes)
    if yes:
        return
    try:
        typer.confirm(question, abort=True)
    except typer.Abort as abort:
        if isinstance(abort.__context__, EOFError):
            say()  # the question stands on the line
            raise WrongUsageError("nobody answered, nothing was done; --yes does it without asking") from None
        raise
