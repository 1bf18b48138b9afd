"""The condition of each protocol: what its plugin says at `protocol/<name>`, corrected when that plugin is gone."""

from typing import NamedTuple

from hub.api import Context


class Protocol(NamedTuple):
    """One protocol; `down` is the reason why it does not work, or nothing."""

    name: str
    plugin: str
    down: str


class Protocols:
    """Reads the protocols from state."""

    def __init__(self, ctx: Context) -> None:
        self._state = ctx.state

    def get(self, name: str) -> Protocol | None:
        """The protocol of this name, or `None` when no plugin has told of it."""
        said = self._state.get(f"protocol/{name}")
        if said is None:
            return None
        down = said["status"] != "ready"
        return Protocol(name, said["plugin"], (said["reason"] or "it is not ready") if down else "")

    def all(self) -> list[Protocol]:
        """Every protocol, by name."""
        names = (path.removeprefix("protocol/") for path in self._state.list("protocol/"))
        return [one for one in map(self.get, names) if one is not None]

    def restore(self) -> None:
        """Believe nothing from before the last start."""
        for one in self.all():
            entry = self._state.entry(f"protocol/{one.name}")
            if entry is not None and entry.restored:
                self._down(one, f"plugin {one.plugin} has not started yet, or is switched off")

    def lost(self, plugin: str, reason: str) -> None:
        """Note that the plugin behind some protocols is gone."""
        for one in self.all():
            if one.plugin == plugin and not one.down:
                self._down(one, reason)

    def _down(self, one: Protocol, reason: str) -> None:
        self._state.set(f"protocol/{one.name}", {"plugin": one.plugin, "status": "down", "reason": reason})
