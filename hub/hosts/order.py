"""Which plugins start, and in which order: dependencies first; what is missing or goes in a circle is named."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter

from hub.manifest import Manifest, satisfies


def choose(found: Mapping[str, Manifest], enable: Collection[str], disable: Collection[str]) -> list[Manifest]:
    """The manifests to run, with all they require; what is disabled is not, whoever wants it."""
    wanted = {name for name, one in found.items() if one.enabled or name in enable} - {*disable}
    queue = [*wanted]
    while queue:
        for need in found[queue.pop()].requires:
            if need in found and need not in wanted and need not in disable:
                wanted.add(need)
                queue.append(need)
    return [found[name] for name in sorted(wanted)]


def start_order(manifests: Mapping[str, Manifest], found: Mapping[str, Manifest]) -> tuple[list[str], dict[str, str]]:
    """Ids of `manifests` in starting order, and for those that cannot start one sentence each that says why.

    `found` are all the plugins there are. Who requires a refused one is in the order, behind all it can have.
    """
    refused = {one.id: why for one in manifests.values() for why in _unmet(one, manifests, found)}
    while True:
        alive = {name: one for name, one in manifests.items() if name not in refused}
        try:
            order = _sorted({name: [*one.requires] for name, one in alive.items()})
        except CycleError as error:
            turn = error.args[1][::-1]
            for name in turn[1:]:
                circle = " requires ".join(turn)
                refused[name] = f"{name} cannot start: {circle} goes in a circle; take one requirement away"
            continue
        with suppress(CycleError):  # if not all wishes can be met, none counts
            order = _sorted({name: [*one.requires, *({*one.after} - {name})] for name, one in alive.items()})
        return order, refused


def _unmet(one: Manifest, manifests: Mapping[str, Manifest], found: Mapping[str, Manifest]) -> Iterator[str]:
    for needed, versions in one.requires.items():
        if needed not in found:
            yield f"{one.id} requires {needed}, which is not there; put it into a folder of [hub] plugin_dirs"
        elif not satisfies(found[needed].version, versions):
            yield f"{one.id} requires {needed} {versions}, but version {found[needed].version} is installed"
        elif needed not in manifests:
            yield f"{one.id} requires {needed}, which is not enabled; `hub plugins enable {needed}` enables it"


def _sorted(graph: Mapping[str, Collection[str]]) -> list[str]:
    """The keys of a graph, each behind those of its values that are keys. Raises CycleError."""
    known = {name: [one for one in before if one in graph] for name, before in graph.items()}
    return [*TopologicalSorter(known).static_order()]
