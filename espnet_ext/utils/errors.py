"""Errors that the user can fix."""


class UserError(Exception):
    """An error that the user can fix: one line with the problem, its location and the fix.

    The location is a file and line, an utterance id or an option. Commands print the line as
    `error: ...` and exit with status 1, without a traceback (`espnet_ext.bin.entry`).
    """
