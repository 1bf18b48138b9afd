"""What may go wrong on the serial line and on the air, at rates one can turn while the radio runs."""

import random
from dataclasses import dataclass, field, fields

from device_plugins.virtual_radio.errors import RadioError

RATES = ("corrupt", "drop", "drop_acks", "duplicate", "loss")


@dataclass(slots=True)
class Faults:
    """Rates are probabilities a frame (0 to 1), both directions alike; `hang` freezes the NCP: deaf and mute.

    `corrupt` changes one byte, `drop` loses the frame, `drop_acks` loses pure ACK frames only, `duplicate` delivers
    it twice. `loss` is of the air: a frame between two nodes is lost. The same seed gives the same misfortunes for the
    same traffic; `struck` counts those of the line, `missed` those of the air.
    """

    corrupt: float = 0.0
    drop: float = 0.0
    drop_acks: float = 0.0
    duplicate: float = 0.0
    loss: float = 0.0
    hang: bool = False
    seed: int = 1
    struck: int = field(default=0, init=False, compare=False)
    missed: int = field(default=0, init=False, compare=False)
    _random: random.Random = field(init=False, repr=False, compare=False)
    _weather: random.Random = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - misfortune must be repeatable, not secret
        self._weather = random.Random(self.seed)  # noqa: S311 - as above

    def settings(self) -> dict[str, float | bool]:
        """Return the settings by name."""
        return {name: getattr(self, name) for name in (*RATES, "hang")}

    def change(self, **settings: object) -> None:
        """Set some settings by name; RadioError names the wrong one, and then none is changed."""
        for name, value in settings.items():
            if name == "hang":
                if not isinstance(value, bool):
                    raise RadioError(f"The fault 'hang' is true or false, not {value!r}.")
            elif name not in RATES:
                known = ", ".join(item.name for item in fields(self) if item.name in {*RATES, "hang"})
                raise RadioError(f"There is no fault {name!r}: choose from {known}.")
            elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise RadioError(f"The fault {name!r} is a probability from 0 to 1, not {value!r}.")
        for name, value in settings.items():
            setattr(self, name, value)

    def clear(self) -> None:
        """End all of them."""
        self.corrupt = self.drop = self.drop_acks = self.duplicate = self.loss = 0.0
        self.hang = False

    def befall(self, frame: bytes, *, is_ack: bool = False) -> list[bytes]:
        """Return what arrives of one frame: nothing, the frame (perhaps with one byte changed), or it twice."""
        if self._strikes(self.drop) or (is_ack and self._strikes(self.drop_acks)):
            return []
        if frame and self._strikes(self.corrupt):
            position = self._random.randrange(len(frame))
            changed = frame[position] ^ self._random.randint(1, 255)
            frame = frame[:position] + bytes([changed]) + frame[position + 1 :]
        return [frame, frame] if self._strikes(self.duplicate) else [frame]

    def lost(self) -> bool:
        """Whether a frame on the air is lost."""
        misses = self.loss > 0 and self._weather.random() < self.loss
        self.missed += misses
        return misses

    def _strikes(self, rate: float) -> bool:
        strikes = rate > 0 and self._random.random() < rate
        self.struck += strikes
        return strikes
