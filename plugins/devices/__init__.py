"""The device registry and the pairing desk: what devices there are, what they are called, and how new ones come in."""
