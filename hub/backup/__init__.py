"""Backups of a whole hub in one file: made while it runs, tried out before they count, restored in one step."""
