import json
from pathlib import Path

from plugins.demo.report import Report


async def test_a_report_is_written_whole_and_counts_every_error(tmp_path: Path) -> None:
    report = Report(automations_run=3)
    for number in range(150):
        report.wrong(f"wrong {number}")
    file = tmp_path / "deep" / "report.json"
    await report.write(file)
    found = json.loads(file.read_text())
    assert found["automations_run"] == 3
    assert found["errors"] == 150
    assert len(found["error_messages"]) == 100
    assert [path.name for path in file.parent.iterdir()] == ["report.json"]


def test_latency_is_null_without_a_sample() -> None:
    report = Report()
    assert report.latency_ms == {"p50": None, "p99": None}
    report.latency_of({"p50_ms": None, "p99_ms": None})
    assert report.latency_ms == {"p50": None, "p99": None}
    report.latency_of({"p50_ms": 3.70551, "p99_ms": 10.6})
    assert report.latency_ms == {"p50": 3.706, "p99": 10.6}
    assert Report().latency_ms == {"p50": None, "p99": None}
