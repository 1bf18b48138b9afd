"""The one error a user of the virtual radio sees."""


class RadioError(Exception):
    """A wish the radio cannot fulfil, told in one sentence that says how to mend it."""
