"""Which library speaks to the stick: bellows for EZSP, and on first use the ones for other sticks, if installed."""

import functools
import importlib
from typing import Any

from device_plugins.zigbee.coordinator import Coordinator
from device_plugins.zigbee.network import RadioError
from device_plugins.zigbee.quirking import Quirking

_LIBRARIES = {"znp": "zigpy_znp.zigbee.application", "deconz": "zigpy_deconz.zigbee.application"}


@functools.cache
def controller(kind: str) -> Any:  # noqa: ANN401 - a class of zigpy applications
    """The class for a stick of this kind: `ezsp`, `znp` or `deconz`.

    Raises RadioError when its library is not installed.
    """
    if kind == "ezsp":
        return Coordinator
    try:
        library: Any = importlib.import_module(_LIBRARIES[kind])
    except ModuleNotFoundError as error:
        raise RadioError(
            f'[plugin.zigbee] radio = "{kind}" needs a library that is not installed; install domovoi[{kind}]'
        ) from error
    return type("Coordinator", (Quirking, library.ControllerApplication), {})
