"""Measurements: one module a benchmark, started by `scripts/bench`."""
