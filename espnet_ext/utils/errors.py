"""The one exception that stands for a fault of the input and not of the program."""


class UserError(Exception):
    """A fault the user can mend: one line of what is wrong, where, and what to do.

    Where is a file and line, an utterance id or an option. Commands print the line as
    `error: ...` and exit with status 1, without a traceback (`espnet_ext.bin.entry`).
    """
