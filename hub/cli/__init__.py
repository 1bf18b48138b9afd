"""The `hub` command.

Exit codes: 0 done; 1 refused or failed; 2 wrong usage; 3 no hub is running there, or it does not answer; 130
interrupted. `hub run` and `hub demo` have codes of their own, see `hub run --help`.
"""

import contextlib
import os
import sys
from pathlib import Path

__all__ = ["main"]

_RUN_OPTIONS = {"--data", "--config", "--log-level"}
_LEVELS = {None, "debug", "info", "warning", "error"}


def main(arguments: list[str] | None = None) -> int:
    """Run a command line and return its exit code; a mistake is told in one sentence, never by a traceback.

    A plain `hub run`, as a service starts it, is spared the libraries of the command line: 50 ms and 2 MiB.
    """
    try:
        return _done(arguments)
    finally:
        _let_go()


def _done(arguments: list[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    plain = _plain_run(words)
    if plain is None:
        from hub.cli import root  # noqa: PLC0415 - see above

        return root.main(words)
    try:
        from hub.app import RunOptions, run  # noqa: PLC0415 - the hub costs time that no other command need pay
        from hub.cli.log_writers import kept_and_shown  # noqa: PLC0415 - as above

        config, level = plain.get("--config"), plain.get("--log-level")
        overrides = {"hub": {"log_level": level}} if level else {}
        return run(RunOptions(Path(config) if config else None, Path(plain["--data"]), overrides, "", kept_and_shown))
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - no traceback reaches a terminal
        from hub.cli import root  # noqa: PLC0415 - see above

        return root.told(error)


def _let_go() -> None:
    """Drop what a reader that is gone will never take: when Python ends it would fail again, and change the code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _plain_run(words: list[str]) -> dict[str, str] | None:
    """The options of a `hub run` that says where its data is and no more than it must; `None` for all else."""
    options = dict(zip(words[1::2], words[2::2], strict=False))
    options.setdefault("--data", os.environ.get("HUB_DATA_DIR", ""))
    is_plain = (
        words[:1] == ["run"]
        and len(words) % 2 == 1
        and sorted(words[1::2]) == sorted({*words[1::2]} & _RUN_OPTIONS)
        and not any(value == "" or value[0] in "-~" for value in options.values())
        and options.get("--log-level") in _LEVELS
        and None not in (sys.stdout, sys.stderr)
    )
    return options if is_plain else None
