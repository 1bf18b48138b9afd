"""Domain and system plugins, one folder each."""
