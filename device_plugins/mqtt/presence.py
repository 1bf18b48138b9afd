"""Whether a device is there, from its signs; pure."""

from device_plugins.mqtt.description import Presence


class Signs:
    """What the signs of one device have said so far."""

    __slots__ = ("_latest", "_mode", "_optional", "_said")

    def __init__(self, presence: Presence) -> None:
        self._mode = presence.mode
        self._optional = [sign.optional for sign in presence.signs]
        self._said: list[bool | None] = [None] * len(presence.signs)
        self._latest: bool | None = None

    def say(self, number: int, here: bool) -> None:  # noqa: FBT001 - what a sign says
        """Take what the sign of this number says."""
        self._said[number] = self._latest = here

    def forget(self) -> None:
        """Nothing that was said counts any more."""
        self._said = [None] * len(self._said)
        self._latest = None

    @property
    def verdict(self) -> bool | None:
        """True for online, False for offline, None for nobody knows."""
        if self._mode == "latest":
            return self._latest
        decisive = self._mode == "any"
        counted = [
            said for said, optional in zip(self._said, self._optional, strict=True) if not optional or said is not None
        ]
        if decisive in counted:
            return decisive
        return None if None in counted or not counted else not decisive
