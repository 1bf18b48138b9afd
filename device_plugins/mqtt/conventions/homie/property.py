"""One property of a node, as both versions describe it."""

import re

import msgspec

_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)?:(-?\d+(?:\.\d+)?)?(?::\d+(?:\.\d+)?)?")


class Property(msgspec.Struct, frozen=True):
    """One property; `topic` stands below the base topic of its device, `version` is that of Homie."""

    node: str
    id: str
    datatype: str
    topic: str
    name: str = ""
    unit: str = ""
    format: str = ""
    settable: bool = False
    retained: bool = True
    version: int = 4

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or f"{self.node} {self.id}"

    @property
    def range(self) -> tuple[float | None, float | None]:
        """The least and the greatest value, None where it has none."""
        found = _RANGE.fullmatch(self.format)
        if found is None:
            return None, None
        low, high = (None if one is None else float(one) for one in found.groups())
        return low, high

    @property
    def words(self) -> tuple[str, ...]:
        """The values of an enumeration."""
        return tuple(dict.fromkeys(one for one in self.format.split(",") if one))[:128]
