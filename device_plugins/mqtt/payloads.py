"""What a payload may be before anybody looks into it; pure."""

import re

# A text without an end goes to the end, so that nothing is looked at twice.
_TEXT = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?', re.DOTALL)
_EMPTY = re.compile(rb"\[\]|\{\}")
_OTHERS = bytes(byte for byte in range(256) if byte not in b"[]{}")

DEEPEST = 32
"""So many lists and objects may stand in one another."""


def is_shallow(payload: bytes, most: int = DEEPEST) -> bool:
    """Whether no more than `most` lists and objects of JSON stand in one another; what is not balanced is not shallow.

    A payload with few brackets always is, whatever it is.
    """
    if payload.count(b"[") + payload.count(b"{") <= most:
        return True
    brackets = _TEXT.sub(b"", payload).translate(None, _OTHERS)
    for _ in range(most):
        brackets = _EMPTY.sub(b"", brackets)
    return not brackets
