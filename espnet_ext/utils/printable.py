"""Names of files and labels as they are shown in tables and messages."""

import re

# Control characters could steer a terminal or break a row, some others turn the direction of what follows, and bytes
# of file names that are not UTF-8 cannot be written.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Escape control characters as in Python: a line feed becomes a backslash and an n."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
