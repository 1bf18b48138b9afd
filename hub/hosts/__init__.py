"""Where a plugin runs. Each host gives the same Context; today there is one: inside the hub."""
