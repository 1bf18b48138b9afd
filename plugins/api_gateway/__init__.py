"""The local API: REST and a WebSocket of events, on a Unix socket and, if configured, on TCP behind bearer tokens."""
