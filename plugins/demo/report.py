"""What the demo home counted, as one JSON file."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec


class Report(msgspec.Struct):
    """Counts of one run. Times in ms where the name says so, else s; memory in MiB (the hub's process alone).

    Devices paired and resumed are Zigbee's; those found speak MQTT or Z-Wave.
    """

    devices_paired: list[dict[str, Any]] = []
    devices_resumed: list[dict[str, Any]] = []
    devices_found: list[dict[str, Any]] = []
    reports_heard: int = 0
    automations_run: int = 0
    commands_confirmed: int = 0
    errors: int = 0
    error_messages: list[str] = []
    latency_ms: dict[str, float | None] = msgspec.field(default_factory=lambda: {"p50": None, "p99": None})
    rss_mib: float = 0.0
    startup_s: float = 0.0
    network: dict[str, Any] = {}

    def wrong(self, message: str) -> None:
        """Count an error; the first hundred keep their text."""
        self.errors += 1
        if len(self.error_messages) < 100:  # noqa: PLR2004 - enough to mend the first
            self.error_messages.append(message)

    def latency_of(self, measured: Mapping[str, float | None]) -> None:
        """Take over what the virtual radio measured; without a sample it is null."""
        for part in ("p50", "p99"):
            ms = measured[f"{part}_ms"]
            self.latency_ms[part] = None if ms is None else round(ms, 3)

    async def write(self, path: Path) -> None:
        """Write the file whole or not at all."""
        await asyncio.to_thread(_replace, path, msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")


def about(record: Any) -> dict[str, Any]:  # noqa: ANN401 - a record as the registry gives it
    """A device as the report lists it."""
    fields = msgspec.to_builtins(record)
    return {
        "id": fields["id"],
        "name": fields["name"],
        "model": fields["model"],
        "capabilities": [one["key"] for one in fields["features"]],
    }


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(content)
    temporary.replace(path)
