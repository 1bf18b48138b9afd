"""Topics and topic filters; pure."""

import re
from collections.abc import Callable

LONGEST = 1024
"""A topic or filter with more characters is none for us."""

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def is_topic(topic: str) -> bool:
    """Whether one can publish to it."""
    return not ("+" in topic or "#" in topic) and _is_plain(topic)


def is_filter(text: str) -> bool:
    """Whether one can subscribe to it."""
    levels = text.split("/")
    return (
        _is_plain(text)
        and all(level == "+" or "+" not in level for level in levels)
        and all("#" not in level for level in levels[:-1])
        and (levels[-1] == "#" or "#" not in levels[-1])
    )


def matcher(text: str) -> Callable[[str], bool]:
    """A function that says whether a topic matches the filter; `+` is one level, `#` is the rest, which may be none."""
    if "+" not in text and "#" not in text:
        return text.__eq__
    levels = text.split("/")
    is_open = levels[-1] == "#"
    parts = [r"[^/]*" if level == "+" else re.escape(level) for level in (levels[:-1] if is_open else levels)]
    expression = "/".join(parts)
    if is_open:
        expression = f"{expression}(?:/.*)?" if parts else ".*"
    found = re.compile(expression, re.DOTALL)
    # What begins with $ is the broker's own, and matches no wildcard.
    own = levels[0] in {"+", "#"}
    return lambda topic: found.fullmatch(topic) is not None and not (own and topic.startswith("$"))


def _is_plain(text: str) -> bool:
    return 0 < len(text) <= LONGEST and _FORBIDDEN.search(text) is None
