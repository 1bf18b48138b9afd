"""Domovoi's core: it routes events, calls services, keeps state, stores bytes and runs plugins."""

__version__ = "0.1.0"
