# SPDX-License-Identifier: MIT
"""
How scripts end when it is not their fault: a file that can't be read or written is one line, "error: FILE: why",
and status 1, and what was half written is not left behind.
"""
import contextlib
import os
import sys


@contextlib.contextmanager
def written(path, mode="w"):
    """A file to write that takes path's place when all of it has been written, and is gone otherwise."""
    path = os.fspath(path)
    temporary = f"{path}.tmp{os.getpid()}"
    try:
        with open(temporary, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.remove(temporary)
        # A write that fails does not say where; and nobody knows the temporary one.
        if isinstance(error, OSError) and error.filename in (None, temporary):
            error.filename, error.filename2 = path, None
        raise


def text_of(path, newline=None):
    """All of a text file."""
    with open(path, encoding="utf-8", newline=newline) as file:
        try:
            return file.read()
        except UnicodeDecodeError as error:
            line = error.object[:error.start].count(b"\n") + 1
            raise OSError(0, f"line {line} is not text in UTF-8", os.fspath(path)) from None


def run(main):
    """Run a script's main()."""
    try:
        main()
        sys.stdout.flush()
    except BrokenPipeError:
        # Who read has seen enough; Python must not try again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
    except OSError as error:
        where = os.fspath(error.filename) if error.filename is not None else "input or output"
        sys.exit(f"error: {where}: {error.strerror}")
    except KeyboardInterrupt:
        sys.exit(130)
