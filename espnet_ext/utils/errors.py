"""Errors that the user can fix, and names as messages show them."""

import re

# Control characters could control a terminal or break a row, bidirectional ones reorder the text that follows, and
# surrogates (bytes of file names that are not UTF-8) cannot be written.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class UserError(Exception):
    """An error that the user can fix: one line with the problem, its location and the fix.

    The location is a file and line, an utterance id or an option. Commands print the line as
    `error: ...` and exit with status 1, without a traceback (`espnet_ext.bin.entry`).
    """


def printable(text: str) -> str:
    """Escape control characters as Python does: a line feed becomes a backslash and an n."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
