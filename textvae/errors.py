"""What the user can mend."""

__all__ = ["UsageError"]


class UsageError(ValueError):
    """A mistake in what the user gave: one line that says what, where, and how to mend it.

    The command line prints it and exits with code 2.
    """
