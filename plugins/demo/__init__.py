"""The demo home: virtual devices, a few rules, and people who move through the rooms by a script."""
