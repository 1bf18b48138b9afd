"""Have the index of quirks ready before the hub starts: `python -m device_plugins.zigbee.quirks`."""

import sys
from pathlib import Path

from device_plugins.zigbee.quirks.index import installed, ready_index

if installed():
    ready_index(Path(sys.prefix))
