"""The `hub` command.

Exit codes: 0 done; 1 refused or failed; 2 wrong usage; 3 no hub is running there, or it does not answer; 130
interrupted. `hub run` and `hub demo` end with the codes of `hub.app`.
"""

from hub.cli.root import main

__all__ = ["main"]
