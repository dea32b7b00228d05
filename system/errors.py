"""The one exception that reaches a user as a single line."""


class BitmillError(ValueError):
    """Bad input, a missing tool or a failed run, with a message that names the field, the value and what is accepted.

    The command line prints the message alone and exits with status 2; library users catch it as a ``ValueError``.
    """
