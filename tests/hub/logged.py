"""What a log's file holds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hub.types import Undo

type Configure = Callable[..., Undo]


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "hub.log").read_text("utf-8").splitlines()]
