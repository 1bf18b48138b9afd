"""Devices to publish: the virtual radio's models, and each word of the vocabulary in all its ways."""

from collections.abc import Iterator

import msgspec

from device_plugins.mqtt.publishing.records import Record
from device_plugins.sdk import VOCABULARY, Capability, Feature
from device_plugins.virtual_radio.catalogue import MODELS, Model
from device_plugins.zigbee.mapping import Endpoint as Described
from device_plugins.zigbee.mapping import Facts, Signature, describe

_OPTIONS = ("first", "second one")


def devices() -> Iterator[Record]:
    """All of them."""
    for model in MODELS.values():
        yield _of_model(model)
    for kind in VOCABULARY.values():
        for number, feature in enumerate(_ways(kind), 1):
            yield _of_words(f"{kind.name}-{number}", feature)
    everything = tuple(_able(kind) for kind in VOCABULARY.values())
    again = tuple(msgspec.structs.replace(one, key=f"{one.key}.2", endpoint=2) for one in everything)
    yield _of_words("everything", *everything)
    yield _of_words("everything-twice", *everything, *again)
    yield _of_words("nothing-settable", *(Feature(one.name, one.name) for one in VOCABULARY.values()))


def _of_model(model: Model) -> Record:
    endpoints, values = [], {}
    for one in model.endpoints().values():
        endpoints.append(Described(one.number, one.profile, one.device_type, tuple(one.clusters), tuple(one.clients)))
        for cluster in one.clusters.values():
            for attribute in cluster.attributes.values():
                if isinstance(attribute.value, int | float | str):
                    values[f"{one.number}/{cluster.number}/{attribute.number}"] = attribute.value
    mapping = describe(Signature(model.manufacturer, model.name, tuple(endpoints)), Facts(values))
    return Record(
        f"zigbee-{model.key}",
        f"The {model.key}",
        "zigbee",
        area="Hall",
        model=model.name,
        manufacturer=model.manufacturer,
        firmware="1.0",
        features=tuple(mapping.features),
    )


def _of_words(name: str, *features: Feature) -> Record:
    return Record(f"test:{name}", name, "test", features=features)


def _able(kind: Capability) -> Feature:
    commands = tuple(command.name for command in kind.commands)
    return Feature(kind.name, kind.name, writable=bool(commands), commands=commands)


def _ways(kind: Capability) -> Iterator[Feature]:
    """All that it can do, nothing that can be done, and narrowed by the device."""
    able = _able(kind)
    yield able
    yield Feature(kind.name, kind.name)
    if kind.name == "number":
        yield msgspec.structs.replace(able, minimum=0, maximum=10, unit="s", label="How long")
        yield Feature("own_number", kind.name, unit="kWh")
    if kind.type == "enum":
        yield msgspec.structs.replace(able, values=kind.values[:2] or _OPTIONS)
        yield Feature("own_word", kind.name, values=kind.values[:2] or _OPTIONS)
    for command in kind.commands:
        yield msgspec.structs.replace(able, commands=(command.name,))
