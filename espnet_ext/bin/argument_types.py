"""Types of command-line arguments, with errors that describe the expected form."""

import argparse


def words(text: str) -> tuple[str, ...]:
    """Words between white space."""
    return tuple(text.split())


def count(text: str) -> int:
    """A whole number, 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number, found {text!r}")
    return int(text)


def positive(text: str) -> int:
    """A whole number, 1 or more."""
    if count(text) < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, found {text!r}")
    return int(text)


def fraction(text: str) -> float:
    """A number above 0, at most 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number above 0, at most 1, found {text!r}")
    return value


def flag(text: str) -> bool:
    """`true` or `false`, as recipes pass them."""
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"expected true or false, found {text!r}")
    return text == "true"
