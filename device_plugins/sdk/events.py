"""What happens to devices without lasting, as events."""

from typing import Any, Literal

import msgspec

from hub.api import event

type Step = Literal["waiting", "joined", "interviewing", "needs_input", "configured", "failed", "ended"]


@event("device.button")
class ButtonPressed(msgspec.Struct, frozen=True, gc=False):
    """A button was used; the subject is `device/<id>/<key>`. `action` is single, double, triple, hold, release, ..."""

    action: str
    button: str = ""


@event("device.rotary")
class RotaryTurned(msgspec.Struct, frozen=True, gc=False):
    """A dial was turned; the subject is `device/<id>/<key>`. `steps` is positive clockwise."""

    steps: float


@event("device.lock")
class LockOperated(msgspec.Struct, frozen=True, gc=False):
    """A lock was operated or programmed; the subject is `device/<id>/<key>`.

    `operation` is lock, unlock, unlock_failed_wrong_pin, pin_added, ...; `source` is keypad, radio, manual, rfid or
    unknown; `user` is the number of the user, -1 for none.
    """

    operation: str
    source: str = ""
    user: int = -1


@event("devices.pairing")
class PairingStep(msgspec.Struct, frozen=True):
    """A pairing session went one step on; the subject is `pairing/<session>`.

    `failed` and `needs_input` say why or what in `reason`; `inputs` names what `devices.pair_input` must bring.
    `ended` is the session's last step, whatever came before; `configured` may come several times.
    """

    session: str
    step: Step
    protocol: str = ""
    device: str = ""
    model: str = ""
    reason: str = ""
    progress: float = 0.0
    inputs: dict[str, Any] = {}
