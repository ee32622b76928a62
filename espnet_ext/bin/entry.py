"""Entry point of all commands: an input error is one line on stderr and exit status 1."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from espnet_ext.utils.errors import UserError
from espnet_ext.utils.printable import printable


def run_main(main: Callable[[], None]) -> NoReturn:
    """Run a command's `main` and exit: status 0 on success, 1 on an error that the user can fix.

    A UserError, a wrong option or key of ESPnet's config, an OSError (disk full, no permission, no such
    file) and Ctrl-C become one line `error: ...`. Any other exception is a bug and keeps its traceback.
    """
    # File names that are not UTF-8 are printed unchanged.
    sys.stdout.reconfigure(errors="surrogateescape")
    try:
        with _one_line_usage():
            main()
        # Flush here: at shutdown a full disk or a closed pipe could no longer be reported.
        sys.stdout.flush()
    except UserError as error:
        _fail(str(error))
    except BrokenPipeError:
        # The reader of the output has exited (`... | head`). The interpreter flushes stdout again at shutdown,
        # which must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _fail(_describe(error))
    except KeyboardInterrupt:
        _fail("interrupted; run the same command again to continue")
    sys.exit(0)


@contextmanager
def _one_line_usage() -> Iterator[None]:
    """Replace argparse's error, also in ESPnet's config reader: a page of usage and exit status 2."""

    def refuse(parser: argparse.ArgumentParser, message: str) -> NoReturn:
        raise UserError(f"{message}; see --help")

    plain = argparse.ArgumentParser.error
    argparse.ArgumentParser.error = refuse
    try:
        yield
    finally:
        argparse.ArgumentParser.error = plain


def _describe(error: OSError) -> str:
    """Format an error as `No space left on device: exp/model.pth`, from the parts that it has."""
    reason = error.strerror or str(error) or type(error).__name__
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    return ": ".join([reason, " -> ".join(names)] if names else [reason])


def _fail(message: str) -> NoReturn:
    # Messages of libraries may span lines; ours must be one.
    print("error: " + printable(" ".join(message.split())), file=sys.stderr)
    sys.exit(1)
