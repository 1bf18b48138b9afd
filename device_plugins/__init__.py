"""Device plugins: one folder a radio or protocol, and the vocabulary they share."""
