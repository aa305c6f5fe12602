"""How a command ends: what a user can cause is one line, and nothing stays behind."""

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Callable

from tools.catalogue import LessonError


def end(prog: str, main: Callable[[], int | None]) -> int:
    """Call a command's main; its exit code."""
    # `timeout` and a cancelled job ask it to end so, a terminal that is closed, and
    # Ctrl-\; as with Ctrl-C, it tidies up first
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT"):
        number = getattr(signal, name, None)  # Windows has only the first
        if number and signal.getsignal(number) != signal.SIG_IGN:  # as nohup wants it
            signal.signal(number, stop)
    with contextlib.suppress(AttributeError):  # a stream of a test
        sys.stdout.reconfigure(errors="backslashreplace")  # also where it has no arrows
    try:
        code = main() or 0
        print(end="", flush=True)  # there may be no stdout: `>&-`
        return code
    except BrokenPipeError:  # its reader has seen enough: `| head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("\nstopped; nothing is left behind", file=sys.stderr)
        return 130
    except (LessonError, OSError) as error:
        print(f"{prog}: error: {error}", file=sys.stderr)
        return 2


def stop(number: int, frame) -> None:
    sys.exit(128 + number)


def positive(word: str) -> int:
    """The type of an option that counts something, for argparse."""
    if not word.isdecimal() or int(word) == 0:
        raise argparse.ArgumentTypeError(f"must be positive, got {word}")
    return int(word)
