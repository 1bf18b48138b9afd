"""Where plugins are found and where they run. Each host gives the same Context; today there is one: inside the hub."""
