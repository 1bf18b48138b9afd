"""What plugins' manifests ask of the journal: those that do not come with the hub only for what is theirs."""

import logging
from collections.abc import Iterable

from hub.hosts.permissions import CHANGED, SUBJECTS, covers
from hub.manifest import FILE_NAME, Kept, Manifest

_LOG = logging.getLogger("hub.plugins")


def wishes(found: Iterable[Manifest]) -> Kept:
    """Collect what they want kept longest and dropped first; what a plugin may not ask for is told and left out."""
    alarm, bulk = list[str](), list[str]()
    for one in found:
        for key, rules, wanted in (("alarm", one.journal.alarm, alarm), ("bulk", one.journal.bulk, bulk)):
            for rule in rules:
                if one.origin == "bundled" or not (refusal := _refusal(one, rule)):
                    wanted.append(rule)
                else:
                    _LOG.warning("%s: [journal] %s: %r is not heeded; %s", one.folder / FILE_NAME, key, rule, refusal)
    return Kept(alarm=alarm, bulk=bulk)


def _refusal(manifest: Manifest, rule: str) -> str:
    """The line that is missing, if a rule is of events that the plugin may not publish, or of states not its own."""
    type_, _, subject = rule.partition(" ")
    may = manifest.permissions
    if type_ == CHANGED:
        subject = subject or "#"
        return "" if any(covers(one, subject, SUBJECTS) for one in may.write) else _add(subject, "write")
    return "" if any(covers(one, type_) for one in may.publish) else _add(type_, "publish")


def _add(what: str, key: str) -> str:
    return f'add "{what}" to {key} in its [permissions]'
