"""Processes that a command has started, and that are to end with it.

A group is what one process, begun with `start_new_session=True`, has started since, and
it itself. Its number is that of this process. Windows knows no groups.
"""

import contextlib
import os
import signal
import subprocess
import time

GROUPS = hasattr(os, "killpg")


def tell(group: int, what: int) -> None:
    """Send this signal to all in the group, if there are any left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, what)


def end(process: subprocess.Popen, what: int, patience: float) -> None:
    """End the group that this process began: first kindly, by this signal, that it may
    tidy up for so many seconds. It ends, too, if we are told to end a second time."""
    if not GROUPS:
        process.kill()
        process.wait()
        return
    try:
        if process.poll() is None:
            tell(process.pid, what)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience)
    finally:
        tell(process.pid, signal.SIGKILL)
    process.wait()


def end_with(parent: int) -> None:
    """Wait until that process, our parent, has ended, killed perhaps; then end our own
    group, too, if it is one of its own."""
    while os.getppid() == parent:  # on Windows it is never another
        time.sleep(1)
    if GROUPS and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
