"""Which class an event is of, as `[journal]` says."""

from collections.abc import Sequence

from hub.errors import ConfigError
from hub.journal.records import KINDS
from hub.patterns import Matcher, PatternError, subject_matcher, type_matcher
from hub.types import Event

NOT_KEPT = -1
_NORMAL = KINDS.index("normal")
_REMEMBERED = 8192


class Rules:
    """Each rule is an event type pattern, and behind a space a subject pattern if only some subjects are meant.

    What is not named in any of the lists is `normal`; the first list that names it wins. `more_alarm` and `more_bulk`
    are what plugins wish.
    """

    def __init__(
        self,
        ignore: Sequence[str] = (),
        alarm: Sequence[str] = (),
        bulk: Sequence[str] = (),
        more_alarm: Sequence[str] = (),
        more_bulk: Sequence[str] = (),
    ) -> None:
        """Read the rules. Raises ConfigError, naming the one that is wrong."""
        alarms, bulks = KINDS.index("alarm"), KINDS.index("bulk")
        lists = (
            ("ignore", ignore, NOT_KEPT),
            ("alarm", alarm, alarms),
            ("bulk", bulk, bulks),
            ("alarm", more_alarm, alarms),
            ("bulk", more_bulk, bulks),
        )
        self._rules = [(*_read(key, rule), kind) for key, rules, kind in lists for rule in rules]
        self._known: dict[tuple[str, str], int] = {}

    def kind(self, event: Event) -> int:
        """The place of the event's class in KINDS; NOT_KEPT if it is not recorded."""
        key = event.type, event.subject
        kind = self._known.get(key)
        if kind is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            kind = self._known[key] = self._find(*key)
        return kind

    def _find(self, type_: str, subject: object) -> int:
        if not isinstance(subject, str):
            return _NORMAL  # it cannot be encoded, and its gap says so
        for matches, suits, kind in self._rules:
            if (matches is None or matches(type_)) and (suits is None or suits(subject)):
                return kind
        return _NORMAL


def _read(key: str, rule: str) -> tuple[Matcher | None, Matcher | None]:
    type_, _, subject = rule.partition(" ")
    try:
        return type_matcher(type_), subject_matcher(subject or "#")
    except PatternError as error:
        raise ConfigError(f"[journal] {key}: {rule!r} is not an event type or a type and a subject: {error}") from error
