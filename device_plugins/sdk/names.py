"""How names of devices are compared, wherever somebody writes one."""

import functools
import unicodedata

_NFKC = functools.partial(unicodedata.normalize, "NFKC")


def slug(name: str) -> str:
    """What names that are too alike have in common: "Hall lamp", "hall-lamp" and "HALL  LAMP" are `hall-lamp`.

    Spaces and punctuation part the words; a name of nothing else is its own slug.
    """
    plain = _NFKC(_NFKC(name.casefold()).casefold())
    words = "".join(" " if unicodedata.category(letter)[0] in "CPZ" else letter for letter in plain).split()
    return "-".join(words) or plain.strip()
