"""In which order plugins start: dependencies first; what is missing or goes in a circle is named."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from hub.manifest import Manifest, satisfies


def start_order(manifests: Mapping[str, Manifest]) -> tuple[list[str], dict[str, str]]:
    """Ids in starting order, and for those that cannot start one sentence each that says why."""
    refused: dict[str, str] = {}
    for one in manifests.values():
        for needed, versions in one.requires.items():
            if needed not in manifests:
                refused[one.id] = f"{one.id} requires {needed}, which is not enabled; add it to [plugins] enable"
            elif not satisfies(manifests[needed].version, versions):
                have = manifests[needed].version
                refused[one.id] = f"{one.id} requires {needed} {versions}, but version {have} is installed"
    while circle := _circle(manifests, refused):
        turn = " requires ".join([*circle, circle[0]])
        for name in circle:
            refused[name] = f"{name} cannot start: {turn} goes in a circle; take one requirement away"
    alive = [name for name in manifests if name not in refused]
    graph = {name: _before(manifests[name], alive) for name in alive}
    try:
        order = [*TopologicalSorter(graph).static_order()]
    except CycleError:
        hard = {name: [need for need in manifests[name].requires if need in alive] for name in alive}
        order = [*TopologicalSorter(hard).static_order()]
    return order, refused


def _before(one: Manifest, alive: list[str]) -> list[str]:
    return [name for name in (*one.requires, *one.after) if name in alive and name != one.id]


def _circle(manifests: Mapping[str, Manifest], refused: Mapping[str, str]) -> list[str]:
    graph = {
        name: {need for need in one.requires if need in manifests and need not in refused}
        for name, one in manifests.items()
        if name not in refused
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found[:-1][::-1]
    return []
