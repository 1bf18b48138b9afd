"""Why a hub cannot be reached, in one sentence."""

from pathlib import Path

from hub.cli.errors import UnreachableHubError


def unreachable(path: Path, error: OSError) -> UnreachableHubError:
    """The sentence for a socket that cannot be talked over."""
    match error:
        case FileNotFoundError() | ConnectionRefusedError() | NotADirectoryError():
            text = f"no hub is running on {path}; start one with `hub run`, or name its data folder with --data"
        case PermissionError():
            text = f"you may not use {path}; ask for the rights of the hub's user or group"
        case TimeoutError():
            text = f"the hub on {path} does not answer"
        case ConnectionError():
            text = f"the hub on {path} closed the connection; it may be stopping"
        case _ if error.errno is None:  # Python's own, of a socket's path
            text = f"{path} is too long for a socket; take a data folder with a shorter path, or --socket"
        case _:
            text = f"{path} cannot be used: {error.strerror or error}"
    return UnreachableHubError(text)
