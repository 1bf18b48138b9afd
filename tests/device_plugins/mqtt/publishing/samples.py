"""A value for each feature."""

from typing import Any

from device_plugins.mqtt.publishing.records import span, words
from device_plugins.sdk import VOCABULARY, Feature


def sample(feature: Feature) -> Any:  # noqa: ANN401 - the vocabulary's types
    """Something that can be true of it; None where nothing can."""
    low, high = span(feature)
    match VOCABULARY[feature.capability].type:
        case "bool":
            return True
        case "number" | "integer":
            return high if high is not None else low if low is not None else 21.5
        case "enum":
            return (words(feature) or ("free",))[0]
        case "text":
            return "some text"
        case "pair":
            return [0.31, 0.33]
    return None
