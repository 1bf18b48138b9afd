"""A disk in memory whose power can be cut, and what must hold of the hub's files after that."""
