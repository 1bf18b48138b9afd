"""What the machine knows of its wall clock."""

import ctypes
import os
import time
from pathlib import Path

_UNSYNCHRONISED = 0x40  # STA_UNSYNC, adjtimex(2)
_STATUS = 40  # where the field stands in `struct timex` on 64-bit Linux; on 32-bit its fields are half as wide
_ROOM = 512
_TIMESYNC = Path("/run/systemd/timesync/synchronized")
_RTC = Path("/sys/class/rtc")
_FAR = 2**32  # s: in the year 2106


def is_synchronised() -> bool:
    """Whether something, such as NTP, keeps the clock right."""
    if _TIMESYNC.exists():
        return True
    room = ctypes.create_string_buffer(_ROOM)
    ctypes.CDLL(None).adjtimex(room)
    place = _STATUS * ctypes.sizeof(ctypes.c_long) // 8
    return not int.from_bytes(room.raw[place : place + 4], "little") & _UNSYNCHRONISED


def has_battery() -> bool:
    """Whether the clock was set from one that runs on while the machine is off."""
    return any((one / "hctosys").read_text().strip() == "1" for one in _RTC.glob("rtc*") if (one / "hctosys").exists())


def released() -> float:
    """When this hub was made (s since 1970): it cannot be earlier now."""
    return Path(__file__).stat().st_mtime


def alarm_of_jumps() -> int:
    """A descriptor that can be read when the clock is set, see timerfd_create(2)."""
    number = os.timerfd_create(time.CLOCK_REALTIME, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)
    arm(number)
    return number


def arm(number: int) -> None:
    """Let it tell of the next time, too."""
    os.timerfd_settime(number, flags=os.TFD_TIMER_ABSTIME | os.TFD_TIMER_CANCEL_ON_SET, initial=_FAR)
