"""What must be there before a program of `server/` can run: Node.js, new enough, and the locked packages."""

import asyncio
import re
from pathlib import Path

from device_plugins.zwave.network import Settings, ZWaveError

_OLDEST = 20
PACKAGES = Path(__file__).parents[2] / "build" / "zwave"
_WANTED = ("zwave-js", "@zwave-js/server")
_ANSWER = 20.0


async def find_packages(settings: Settings) -> Path:
    """The folder of the packages, when all is there.

    Raises ZWaveError with what is missing and how to mend it.
    """
    await _check_node(settings.node)
    folder = Path(settings.packages) if settings.packages else PACKAGES
    missing = await asyncio.to_thread(_missing, folder)
    if missing:
        raise ZWaveError(
            f"the Z-Wave server is not installed: {folder} has no {missing};"
            " run scripts/setup-zwave, or set [plugin.zwave] packages"
        )
    return folder


async def _check_node(node: str) -> None:
    try:
        process = await asyncio.create_subprocess_exec(
            node,
            "--version",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        raise ZWaveError(
            f"Node.js was not found as {node!r}; install Node.js {_OLDEST} or newer, or set [plugin.zwave] node"
        ) from None
    said = await _output(process, node)
    version = re.match(r"v(\d+)\.", said)
    if version is None:
        raise ZWaveError(f"{node!r} is not Node.js: it does not tell its version; set [plugin.zwave] node")
    if int(version[1]) < _OLDEST:
        raise ZWaveError(f"Node.js {said[1:]} is too old: Z-Wave needs {_OLDEST} or newer; install a newer one")


async def _output(process: asyncio.subprocess.Process, node: str) -> str:
    try:
        async with asyncio.timeout(_ANSWER):
            output, _ = await process.communicate()
    except TimeoutError:
        raise ZWaveError(f"{node!r} does not answer; set [plugin.zwave] node") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output[:80].decode("utf-8", "replace").strip()


def _missing(folder: Path) -> str:
    gone = (one for one in _WANTED if not (folder / "node_modules" / one / "package.json").is_file())
    return next(gone, "")
