"""Words as people write them: slugs of names, suggestions for typing mistakes."""

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches


def slug(text: str) -> str:
    """The text in small letters, its words joined by dashes: `Hall lamp` becomes `hall-lamp`.

    Names are alike for the device registry when their slugs are, so it makes them the same way.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.casefold()).casefold())
    words = "".join(" " if unicodedata.category(letter)[0] in "CPZ" else letter for letter in plain).split()
    return "-".join(words) or plain.strip()


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the closest known word, or nothing."""
    close = get_close_matches(given, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
