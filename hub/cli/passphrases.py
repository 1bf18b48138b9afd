"""The passphrase of a backup: from a file, or asked for; never from the command line, which others can see."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.completion import files
from hub.cli.errors import CommandError, WrongUsageError

PassphraseOption = Annotated[
    Path | None,
    typer.Option("--passphrase-file", metavar="FILE", help="A file with the passphrase.", autocompletion=files),
]


def passphrase(file: Path | None, *, new: bool = False) -> str:
    """The text of the file, or else what is typed, twice for a `new` one.

    Raises WrongUsageError where nobody can be asked.
    """
    if file is not None:
        try:
            text = file.expanduser().read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
            raise CommandError(f"the passphrase in {file} cannot be read: {why}") from error
    elif not sys.stdin.isatty():
        hint = ", or take --plain to make it readable for anybody who gets it" if new else ""
        raise WrongUsageError(f"a passphrase is needed; name a file that holds it with --passphrase-file{hint}")
    else:
        text = str(typer.prompt("Passphrase of the backup", hide_input=True, confirmation_prompt=new, err=True))
    if not text:
        raise WrongUsageError("the passphrase is empty; nothing can be encrypted with that")
    return text
