"""Prometheus' text format 0.0.4: a HELP and a TYPE line a metric, then a line a series."""

from collections.abc import Iterator, Sequence

from plugins.metrics.table import Figures, Labels, Metric

LIMIT = 1000
"""Series that one metric may have; what is beyond is added up in one whose labels are all `other`."""

_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def exposition(metrics: Sequence[Metric], figures: Figures) -> str:
    """All metrics as one text."""
    return "".join(line for metric in metrics for line in _lines(metric, figures))


def _lines(metric: Metric, figures: Figures) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {metric.kind}\n"
    series: dict[Labels, float] = {}
    other: Labels = tuple((name, "other") for name in metric.labels)
    for labels, value in metric.samples(figures):
        key = labels if labels in series or len(series) < LIMIT else other
        series[key] = series.get(key, 0) + value
    for labels, value in series.items():
        named = ",".join(f'{name}="{text.translate(_ESCAPED)}"' for name, text in labels)
        yield f"{metric.name}{{{named}}} {float(value):.15g}\n" if named else f"{metric.name} {float(value):.15g}\n"
